import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debian } from '../needs.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { startRedis } from '../servers/redis.ts';
import { until } from '../until.ts';
import { tree, variable } from './processes.ts';

export const root = path.resolve(import.meta.dirname, '../..');

/** A system under load. */
export type Running = {
  url: string;
  /** Pids of everything that it needs to answer, by part: broker and store included, and what they started. */
  parts(): Map<string, number[]>;
  stop(): Promise<void>;
};

/** Starts and stops together; the last started stops first. */
export class Parts {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'kickoff-bench-'));
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #roots: { name: string; pid: () => number }[] = [];

  add(name: string, stop: () => Promise<void>, pid: () => number): void {
    this.#stops.push(stop);
    this.#roots.push({ name, pid });
  }
  /** The pids of each part; a function that Kickoff's runtime has spawned is a part of its own. */
  pids(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const { name, pid: root } of this.#roots)
      for (const pid of tree([root()])) {
        const part = variable(pid, 'K_SERVICE') ?? name;
        found.set(part, [...(found.get(part) ?? []), pid]);
      }
    return found;
  }
  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A process with its log in the folder; `counted: false` for what does no work for a request. */
  spawn(
    name: string,
    command: string,
    args: string[],
    env: Record<string, string>,
    { cwd = root, counted = true } = {},
  ): ChildProcess {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(path.join(this.folder, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const stop = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await exited;
      clearTimeout(force);
    };
    if (counted) this.add(name, stop, () => child.pid ?? 0);
    else this.#stops.push(stop);
    return child;
  }

  async rabbitmq(): Promise<string> {
    const need = await debian('rabbitmq-server', 'rabbitmq-server');
    if ('missing' in need) throw new Error(need.missing);
    const server = await startRabbit(need.path);
    this.add(
      'rabbitmq',
      () => server.remove(),
      () => server.pid(),
    );
    return server.url;
  }

  async redis(): Promise<string> {
    const need = await debian('redis-server', 'redis-server');
    if ('missing' in need) throw new Error(need.missing);
    const server = await startRedis(need.path, { appendonly: true });
    this.add(
      'redis',
      () => server.remove(),
      () => server.pid(),
    );
    return server.url;
  }
}

export async function answers(url: string, body: object | undefined): Promise<void> {
  await until(
    async () => {
      const response = await fetch(url, {
        ...(body && {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
        signal: AbortSignal.timeout(10_000),
      }).catch(() => undefined);
      return response?.ok;
    },
    { deadline: 180_000, what: `${url} answers` },
  );
}

/** Starts with a clean end where a part fails. */
export async function running(start: (parts: Parts) => Promise<string>, body?: object): Promise<Running> {
  const parts = new Parts();
  try {
    const url = await start(parts);
    await answers(url, body);
    return { url, parts: () => parts.pids(), stop: () => parts.stop() };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}
