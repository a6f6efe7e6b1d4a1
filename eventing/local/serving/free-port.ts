import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

const lent = new Set<number>();

/** A TCP port that nobody listens on now, and that was not given out in the last 10 s. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject).listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => {
          resolve(port);
        });
      });
    });
    if (lent.has(port)) continue;
    lent.add(port);
    setTimeout(() => lent.delete(port), 10_000).unref();
    return port;
  }
}
