import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '../until.ts';

/** A real server of a test: its own process, port of loopback and data folder, which outlives its restarts. */
export type Server = {
  port: number;
  folder: string;
  pid(): number;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Ends it politely and removes its folder. */
  stop(): Promise<void>;
};

/** Starts a program and waits until it takes connections on `port`; what it prints is in `<folder>/log`. */
export async function startServer(options: {
  command: string;
  args(folder: string): string[];
  env?(folder: string): Record<string, string>;
  port: number;
  /** Also asked, when it takes connections. */
  ready?(): Promise<boolean>;
  /** The pid of the server itself, where `command` is only a script around it. */
  pid?(folder: string): number;
  /** Runs behind the end of the process, for what it leaves running. */
  afterStop?(): Promise<void>;
}): Promise<Server> {
  const folder = await mkdtemp(path.join(tmpdir(), `${path.basename(options.command)}-`));
  const log = path.join(folder, 'log');
  let child: ChildProcess;

  async function start(): Promise<void> {
    child = spawn(options.command, options.args(folder), {
      env: { ...process.env, ...options.env?.(folder) },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const sink = createWriteStream(log, { flags: 'a' });
    child.stdout?.pipe(sink, { end: false });
    child.stderr?.pipe(sink, { end: false });
    const started = child;
    const listens = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = net.connect({ port: options.port, host: '127.0.0.1' });
        socket.once('connect', () => {
          socket.destroy();
          resolve(true);
        });
        socket.once('error', () => {
          resolve(false);
        });
      });
    await until(
      async () => {
        if (started.exitCode !== null)
          throw new Error(`${options.command} ended at start:\n${await readFile(log, 'utf8')}`);
        return (await listens()) && (await (options.ready?.() ?? Promise.resolve(true)));
      },
      { deadline: 120_000, what: `${options.command} takes connections on ${options.port}` },
    );
  }

  const pid = (): number => options.pid?.(folder) ?? child.pid ?? 0;

  async function kill(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    process.kill(pid(), signal);
    await exited;
  }

  await start();
  return {
    port: options.port,
    folder,
    pid,
    kill,
    start,
    async stop() {
      await kill('SIGTERM');
      await options.afterStop?.();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
