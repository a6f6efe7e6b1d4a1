import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { end, ready, start, type Running } from './process.ts';

export type Redis = {
  url: string;
  /** The process at the root of it, 0 while it is down. */
  pid(): number;
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data, after `stop` or `kill9`. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
};

/** A Redis on a free port of 127.0.0.1. `server` is the path of redis-server (from `needs.ts`); `appendonly` keeps its data over a kill, `file` is read first, flags come last and win. */
export async function startRedis(
  server: string,
  { appendonly = false, file, flags = [] }: { appendonly?: boolean; file?: string; flags?: string[] } = {},
): Promise<Redis> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-redis-'));
  const port = await freePort();
  let running: Running | undefined;

  async function up(): Promise<void> {
    running = start(server, [
      ...(file === undefined ? [] : [file]),
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...(appendonly ? ['--appendonly', 'yes', '--appendfsync', 'everysec'] : []),
      ...flags,
    ]);
    await ready(running, () => answersPing(port), 20_000);
  }
  async function down(signal: NodeJS.Signals): Promise<void> {
    if (running) await end(running, signal);
    running = undefined;
  }
  await up();
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: () => running?.child.pid ?? 0,
    stop: () => down('SIGTERM'),
    kill9: () => down('SIGKILL'),
    start: up,
    async restart() {
      await down('SIGTERM');
      await up();
    },
    async remove() {
      await down('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether it serves: while it loads its data it answers PING with an error. */
export function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      socket.write('PING\r\n');
    });
    socket.setTimeout(2000, () => {
      socket.destroy();
    });
    socket.once('data', (answer) => {
      resolve(answer.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => undefined);
    socket.once('close', () => {
      resolve(false);
    });
  });
}
