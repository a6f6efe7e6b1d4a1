import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { bundlePage } from '../../functions/ingress/page/build.ts';
import { type ProcessWorld, startProcessWorld } from '../conformance/world.ts';

/** The functions behind a port of loopback, with the page built from its source. */
export type Served = { url: string; world: ProcessWorld; close(): Promise<void> };

/** Serves a world on `port`, by default any free one. */
export async function serveWorld(
  settings: Parameters<typeof startProcessWorld>[0] & { port?: number } = {},
): Promise<Served> {
  await bundlePage();
  const world = await startProcessWorld(settings);
  const server = http.createServer(getRequestListener(world.fetch));
  await new Promise<void>((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    world,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await world.close();
    },
  };
}
