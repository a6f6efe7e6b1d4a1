import http from 'node:http';
import type { Eventing, HttpRequest } from './seams.ts';
import type { Service } from './service.ts';

/** The most that an event posted to the Broker may have. */
const maxBodyBytes = 16 * 2 ** 20;
const broker = '/local/broker';

export type FrontDoorOptions = {
  port: number;
  /** The function that answers everything but `/local/`. */
  service: Service;
  status(): unknown;
  eventing(): Eventing | undefined;
};

/** Listens on loopback for clients: the public function, `GET /local/status`, and the Broker's ingress at `/local/broker/`. */
export async function openFrontDoor(options: FrontDoorOptions): Promise<http.Server> {
  const { service } = options;
  const server = http.createServer((request, response) => {
    const url = request.url ?? '/';
    if (!url.startsWith('/local/')) service.handle(request, response);
    else if (url === '/local/status') json(response, 200, options.status());
    else if (url.startsWith(`${broker}/`)) void post(request, response, options.eventing());
    else json(response, 404, { title: 'Not Found', status: 404, detail: 'see /local/status' });
  });
  // Longer than a reverse proxy's: the side that reuses a connection must close it (nginx: 60 s).
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  return server;
}

async function post(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  eventing: Eventing | undefined,
): Promise<void> {
  try {
    const body = await read(request);
    if (!eventing || body === undefined) {
      json(response, eventing ? 413 : 503, { title: eventing ? 'Content Too Large' : 'Service Unavailable' });
      return;
    }
    const headers: HttpRequest['headers'] = {};
    for (const [name, value] of Object.entries(request.headers))
      if (value !== undefined) headers[name] = typeof value === 'string' ? value : value.join(', ');
    const path = (request.url ?? '').slice(broker.length);
    const answer = await eventing.ingress({ method: request.method ?? 'GET', path, headers, body });
    response.writeHead(answer.status, answer.headers).end(answer.body);
  } catch (error) {
    if (!response.headersSent)
      json(response, 500, { title: 'Internal Server Error', status: 500, detail: String(error) });
    else response.destroy();
  }
}

async function read(request: http.IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks);
}

function json(response: http.ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, {
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(value));
}
