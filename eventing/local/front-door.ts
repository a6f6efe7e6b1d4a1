import http from 'node:http';
import net from 'node:net';
import type { Socket } from 'node:net';
import { listen } from './listen.ts';
import type { Eventing, HttpRequest } from './seams.ts';
import type { Service } from './serving/service.ts';

/** The largest event that may be posted to the Broker. */
const maxBodyBytes = 16 * 2 ** 20;
const broker = '/local/broker';

export type FrontDoorOptions = {
  port: number;
  /** The function that answers all but `/local/`. */
  service: Service;
  status(): unknown;
  eventing(): Eventing | undefined;
};

export type FrontDoor = {
  /** Where clients come. */
  readonly url: string;
  /** Answers `/local/` too, and no replica ever does. */
  readonly platformUrl: string;
  /** Takes no more connections; ends open ones after the answers under way. Resolves when none is left. */
  drain(): Promise<void>;
  /** Ends at once. */
  close(): void;
};

/**
 * Listens on loopback for clients: the public function, `GET /local/status`, and the Broker's ingress at `/local/broker/`. A connection goes to a
 * replica of the function when one is ready and the activator is not in the path: all its requests save a hop. Otherwise its requests go through
 * the activator. Once it could be handed over, the next answer ends it, so that its client comes again.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { service } = options;
  let draining = false;
  const server = http.createServer((request, response) => {
    const url = request.url ?? '/';
    if (!url.startsWith('/local/')) {
      if (draining || service.taker) response.setHeader('connection', 'close');
      service.handle(request, response);
    } else if (url === '/local/status') json(response, 200, options.status());
    else if (url.startsWith(`${broker}/`)) void post(request, response, options.eventing());
    else json(response, 404, { title: 'Not Found', status: 404, detail: 'see /local/status' });
  });
  // Longer than a reverse proxy's (nginx: 60 s): the side that reuses a connection must close it.
  server.keepAliveTimeout = 75_000;

  const here = new Set<Socket>();
  let left: (() => void) | undefined;
  const gateway = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    const { taker } = service;
    if (taker) {
      taker.take(socket);
      return;
    }
    here.add(socket);
    socket.once('close', () => {
      here.delete(socket);
      if (here.size === 0) left?.();
    });
    server.emit('connection', socket);
    socket.resume();
  });
  const url = await listen(gateway, options.port);
  const platformUrl = await listen(server, 0);

  return {
    url,
    platformUrl,
    async drain() {
      draining = true;
      gateway.close();
      // To Node a connection that never sent a byte is not idle.
      for (const socket of here) if (socket.bytesRead === 0) socket.destroy();
      const ended = here.size === 0 ? undefined : new Promise<void>((resolve) => (left = resolve));
      // Also ends those whose last answer began before.
      const idle = setInterval(() => {
        server.closeIdleConnections();
      }, 20);
      await ended;
      clearInterval(idle);
    },
    close() {
      gateway.close();
      server.close();
      server.closeAllConnections();
    },
  };
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
