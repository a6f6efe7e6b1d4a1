import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP proxy on loopback between two parts of the system, so that a test can cut or stall what flows between them. */
export type Cut = {
  port: number;
  /** Ends every connection by a reset; new ones are refused until `restore`. */
  cut(): void;
  /** Ends those connections that `chosen` picks; new ones are taken. */
  sever(chosen: () => boolean): void;
  /** Lets connections stand and moves no byte until `restore`. */
  stall(): void;
  restore(): void;
  close(): Promise<void>;
};

/** Listens on a free port and forwards to `target` on loopback. */
export async function startCut(target: number): Promise<Cut> {
  const sockets = new Set<net.Socket>();
  let state: 'open' | 'cut' | 'stalled' = 'open';
  const server = net.createServer({ noDelay: true }, (near) => {
    if (state === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
      if (state === 'stalled') from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      state = 'cut';
      reset();
    },
    sever(chosen) {
      for (const socket of sockets) if (chosen()) socket.resetAndDestroy();
    },
    stall() {
      state = 'stalled';
      for (const socket of sockets) socket.pause();
    },
    restore() {
      state = 'open';
      for (const socket of sockets) socket.resume();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        reset();
      }),
  };
}
