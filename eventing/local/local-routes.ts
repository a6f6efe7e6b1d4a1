import http from 'node:http';
import type { Eventing, HttpRequest } from './seams.ts';

/** The most that an event posted to the Broker may have: what RabbitMQ 4 takes. */
const maxBodyBytes = 16 * 2 ** 20;
const broker = '/local/broker';
/** The names of this machine. A page whose own name leads here (DNS rebinding) sends that one. */
const hosts = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

export type LocalRoutes = { status: () => unknown; eventing: () => Eventing | undefined };

/**
 * Answers `/local/`: `GET /local/status`, and the Broker's ingress at `/local/broker/`, which takes what a Broker takes of a stranger. A request to
 * another name than this machine's is refused with 421, a page of another origin with 403.
 */
export function localRoutes({ status, eventing }: LocalRoutes): http.RequestListener {
  return function answer(request, response) {
    const { url = '/', method } = request;
    const { host = '', origin } = request.headers;
    if (!hosts.test(host))
      problem(response, 421, 'under /local/ ask for localhost, 127.0.0.1 or [::1], not for another name');
    else if (method !== 'GET' && origin !== undefined && origin !== `http://${host}`)
      problem(
        response,
        403,
        'under /local/ a page of another origin may not do this: call it without a browser',
      );
    else if (url === '/local/status') json(response, 200, status());
    else if (url.startsWith(`${broker}/`)) void post(request, response, eventing());
    else problem(response, 404, 'see /local/status');
  };
}

async function post(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  eventing: Eventing | undefined,
): Promise<void> {
  try {
    if (!eventing) {
      problem(response, 503, 'the Broker is being started; try again');
      return;
    }
    const body = await read(request);
    if (!body) {
      // What is left of it is not read.
      response.setHeader('connection', 'close');
      problem(response, 413, `an event must not be longer than ${maxBodyBytes} bytes`);
      return;
    }
    const headers: HttpRequest['headers'] = {};
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
    const path = (request.url ?? '').slice(broker.length);
    const answer = await eventing.ingress({ method: request.method ?? 'GET', path, headers, body });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  } catch (error) {
    if (!response.headersSent) problem(response, 500, String(error));
    else response.destroy();
  }
}

/** The body, undefined as soon as it is known to be too long. */
async function read(request: http.IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed by an early end: the answer goes out on its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function problem(response: http.ServerResponse, status: number, detail: string): void {
  json(response, status, { type: 'about:blank', title: http.STATUS_CODES[status], status, detail });
}

function json(response: http.ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, {
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(value));
}
