import type { Agent } from 'node:https';
import { http, loadHttps } from '../builtins.ts';

// node:http, not fetch: it loads with the process and costs less per call. A cold start and a busy publisher notice both.
const plain = new http.Agent({ keepAlive: true });
let secured: Agent | undefined;

export type Answer = { status: number; headers: Record<string, string>; body: string };

/** Sends a request and reads the whole answer within `deadlineMs`; rejects on a transport error and at the deadline. */
export async function send(
  url: string,
  request: { method?: string; headers?: Record<string, string>; body?: string },
  deadlineMs: number,
): Promise<Answer> {
  const signal = AbortSignal.timeout(deadlineMs);
  for (;;) {
    try {
      return await attempt(url, request, signal);
    } catch (error) {
      // The server closed this kept connection meanwhile: nobody has read the request.
      if (!(error instanceof StaleConnection)) throw error;
    }
  }
}

class StaleConnection extends Error {}

function attempt(
  url: string,
  {
    method = 'POST',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string },
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const secure = url.startsWith('https:');
    // Made on first use: it loads TLS.
    const agent = secure ? (secured ??= new (loadHttps().Agent)({ keepAlive: true })) : plain;
    const outgoing = (secure ? loadHttps() : http).request(
      url,
      {
        method,
        signal,
        agent,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const received: Record<string, string> = {};
          for (const [name, value] of Object.entries(incoming.headers))
            if (value !== undefined) received[name] = String(value);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: received,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
      },
    );
    outgoing.on('error', (error) => {
      const reset = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(outgoing.reusedSocket && reset ? new StaleConnection() : error);
    });
    outgoing.end(body);
  });
}
