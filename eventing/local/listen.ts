import type { AddressInfo, Server } from 'node:net';

/** Listens on loopback; with port 0 the system chooses one. Returns the address as a URL without a path; throws the system's error (EADDRINUSE). */
export async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
