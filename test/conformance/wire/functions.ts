import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Send } from '../../../eventing/local/seams.ts';
import { answerOf, type Answer } from './failer.ts';
import type { Step } from './recordings.ts';

/** A line of what the functions saw, as the recordings have it; `bytes` of the body, `id` of the event. */
export type Seen = Step & { id: string; method?: string; bytes?: Buffer };

export type Functions = {
  seen: Seen[];
  send: Send;
  /** Requests that are not answered yet. */
  open(): number;
  /** Answers given by the platform instead of the function, by `<function>/<event id>`: a status, or -1 for a refused connection. */
  platform: Map<string, number>;
  close(): Promise<void>;
};

/**
 * The functions of the recorded cluster (`http://<name>.demo.svc.cluster.local`, and a plain server by address) as one HTTP server
 * that records, and the `Send` that reaches them over TCP. `scale` shortens their delays; `answers`: what each says to an event.
 */
export async function startFunctions(
  scale: number,
  answers: (fn: string, id: string, body: string) => Answer = answerOf,
): Promise<Functions> {
  const seen: Seen[] = [];
  const platform = new Map<string, number>();
  const t0 = performance.now();
  let open = 0;
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const pool = new Pool(`http://127.0.0.1:${address.port}`, { connections: 256 });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const body = bytes.toString();
    const fn = request.headers.host?.split('.')[0] ?? '';
    const id = String(request.headers['ce-id']);
    const { method = '', url = '', rawHeaders } = request;
    const t = () => performance.now() - t0;
    open++;
    seen.push({ t: t(), fn, phase: 'request', method, url, rawHeaders, body, bytes, id });
    response.once('close', () => {
      if (!response.writableFinished) seen.push({ t: t(), fn, phase: 'client-closed-early', id });
    });
    const answer = answers(fn, id, body);
    if (answer.delayMs > 0) await wait(answer.delayMs * scale);
    open--;
    seen.push({ t: t(), fn, phase: 'response', status: answer.status, body: answer.body, id });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  const send: Send = async (url, { headers, body }, { timeoutMs, signal } = {}) => {
    const { host, pathname } = new URL(url);
    const given = platform.get(`${host.split('.')[0] ?? ''}/${headers['ce-id'] ?? ''}`);
    if (given === -1) throw new Error('connection refused');
    if (given !== undefined) return { status: given, headers: {}, body: new Uint8Array() };
    const signals = [...(signal ? [signal] : []), ...(timeoutMs ? [AbortSignal.timeout(timeoutMs)] : [])];
    const answer = await pool.request({
      method: 'POST',
      path: pathname,
      headers: { host, ...headers },
      body,
      signal: AbortSignal.any(signals),
    });
    const answered: Record<string, string> = {};
    for (const [name, value] of Object.entries(answer.headers)) answered[name] = String(value);
    return { status: answer.statusCode, headers: answered, body: await answer.body.bytes() };
  };

  return {
    seen,
    send,
    platform,
    open: () => open,
    async close() {
      await pool.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
