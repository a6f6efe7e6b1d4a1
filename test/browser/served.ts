import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { bundlePage } from '../../functions/ingress/page/build.ts';
import { type ProcessWorld, startProcessWorld } from '../conformance/world.ts';

/** The functions behind a port of loopback, with the page built from its source. */
export type Served = {
  url: string;
  world: ProcessWorld;
  /** Cuts every connection, as a network does. */
  cut(): void;
  close(): Promise<void>;
};

/** Serves a world on `port`, by default any free one. */
export async function serveWorld(
  settings: Parameters<typeof startProcessWorld>[0] & { port?: number } = {},
): Promise<Served> {
  await bundlePage();
  const world = await startProcessWorld(settings);
  const listener = getRequestListener(world.fetch);
  const server = http.createServer((request, response) => void listener(request, response));
  server.listen(settings.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    cut: () => {
      server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await world.close();
    },
  };
}
