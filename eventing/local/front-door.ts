import http from 'node:http';
import net from 'node:net';
import type { Socket } from 'node:net';
import { listen } from './listen.ts';
import { localRoutes, type LocalRoutes } from './local-routes.ts';
import { maxHeaderSize, shouldUpgradeCallback } from './serving/gateway.ts';
import type { Service } from './serving/service.ts';

export type FrontDoorOptions = LocalRoutes & {
  port: number;
  /** The function that answers all but `/local/`. */
  service: Service;
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
 * Listens on loopback for clients: the public function, and what `localRoutes` answers. A connection goes to a replica of the function when one is
 * ready and the activator is not in the path: all its requests save a hop. Otherwise its requests go through the activator. Once it could be
 * handed over, the next answer ends it, so that its client comes again.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { service } = options;
  const local = localRoutes(options);
  let draining = false;
  const server = http.createServer({ maxHeaderSize, shouldUpgradeCallback }, (request, response) => {
    if (request.url?.startsWith('/local/')) {
      local(request, response);
      return;
    }
    if (draining || service.taker) response.setHeader('connection', 'close');
    service.handle(request, response);
  });
  server.on('upgrade', (request, client, head) => {
    service.handleUpgrade(request, client, head);
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
