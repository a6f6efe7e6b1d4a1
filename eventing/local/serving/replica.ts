import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { startColdStart } from './cold-start.ts';
import type { ColdStartPhases } from './cold-start.ts';
import type { Replica } from './exchange.ts';
import { freePort } from './free-port.ts';
import { linkQueueProxy } from './queue-proxy/link.ts';
import { askReadiness, readinessPeriod } from './readiness.ts';

export type ReplicaExit = {
  code: number | null;
  signal: string | null;
  lastLines: string[];
  wasReady: boolean;
};

export type ReplicaOptions = {
  revision: string;
  file: string;
  env: Record<string, string>;
  /** What to load before its own code, to hand it connections of clients. */
  queueProxy: { file: string; env: Record<string, string> } | undefined;
  stateFolder: string;
  readinessPath: string;
  containerConcurrency: number;
  startTimeoutMs: number;
  scheduledMs: number;
  line: (line: string) => void;
  coldStart: (phases: ColdStartPhases) => void;
  ready(): void;
  /** A connection to it failed, or it is gone: no more requests to it. */
  unready(): void;
  exited(replica: Replica, exit: ReplicaExit): void;
};

const guard = path.join(import.meta.dirname, 'parent-guard.cjs');
const keptLines = 20;
/** A client may be about to use its kept connection when the replica goes: only one unused for this long is closed. */
const idleMs = 1000;
/** Between two looks at the readiness endpoint (knative/serving pkg/queue/readiness/probe.go). A function that logs its readiness is asked at once. */
const probeMs = 50;
/** A start must answer within this. */
const probeTimeoutMs = 100;

const connectionErrors = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_DESTROYED'];

/** Whether a pool's error is one of the connection, not of the client's body or the function's answer. */
export function connectionFailed(error: Error): boolean {
  return 'code' in error && connectionErrors.includes(String(error.code));
}

/** Starts a process and asks its readiness endpoint until it is ready. Kills it if it is not within `startTimeoutMs`. */
export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const port = await freePort();
  const compileCache = path.join(options.stateFolder, 'compile-cache');
  mkdirSync(compileCache, { recursive: true });
  const { queueProxy } = options;
  const preloads = [guard, ...(queueProxy ? [queueProxy.file] : [])].flatMap((file) => ['--require', file]);
  const child = spawn(process.execPath, [...preloads, options.file], {
    cwd: path.dirname(path.dirname(options.file)),
    env: {
      NODE_COMPILE_CACHE: compileCache,
      ...options.env,
      ...queueProxy?.env,
      // For one user of one machine.
      ADDRESS: '127.0.0.1',
      PORT: String(port),
    },
    // The fourth stays open as long as the runtime lives.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...(queueProxy ? (['ipc'] as const) : [])],
    // A group of its own: Ctrl-C on the terminal reaches only the runtime, which ends its functions in order.
    detached: true,
  });
  const coldStart = startColdStart(options.revision, options.scheduledMs, options.coldStart);
  coldStart.reached('spawned');
  const lastLines: string[] = [];
  let emptied: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let unreadyMs = performance.now();
  let wasReady = false;

  const replica: Replica = {
    revision: options.revision,
    pid: child.pid ?? 0,
    port,
    pool: new Pool(`http://127.0.0.1:${port}`, {
      connections: options.containerConcurrency || null,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      headersTimeout: 0,
      bodyTimeout: 0,
    }),
    link:
      queueProxy &&
      linkQueueProxy(child, () => {
        coldStart.answered();
      }),
    coldStart,
    startedMs: performance.now(),
    state: 'starting',
    drained: false,
    inFlight: 0,
    queue: new Set(),
    async drain(deadlineMs) {
      if (replica.state === 'gone') return;
      replica.state = 'draining';
      replica.drained = true;
      clearTimeout(timer);
      const kill = setTimeout(() => {
        replica.kill();
      }, deadlineMs);
      const empty = new Promise<void>((resolve) => (emptied = resolve));
      replica.settled();
      await Promise.race([gone, Promise.all([empty, replica.link?.drain(idleMs)])]);
      child.kill('SIGTERM');
      await gone;
      clearTimeout(kill);
    },
    kill() {
      child.kill('SIGKILL');
    },
    suspect() {
      if (replica.state !== 'ready') return;
      replica.state = 'starting';
      unreadyMs = performance.now();
      void probe();
      options.unready();
    },
    settled() {
      if (replica.inFlight + replica.queue.size === 0) emptied?.();
    },
  };

  const output = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > keptLines) lastLines.shift();
    coldStart.read(line);
    options.line(line);
    if (replica.state === 'starting' && line.includes('"ready"')) void probe();
  };
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const ended = Promise.all(streams.map((stream) => lines(stream, output)));
  child.stdio[3]?.on('error', () => undefined);

  const gone = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      replica.state = 'gone';
      emptied?.();
      // Before the pool: its unsent requests must go elsewhere.
      options.unready();
      void replica.pool.destroy().catch(() => undefined);
      resolve();
      // The last words of the process may still be in the pipes; a grandchild may hold them open.
      void Promise.race([ended, new Promise((done) => setTimeout(done, 200))]).then(() => {
        options.exited(replica, { code, signal, lastLines, wasReady });
      });
    };
    child.once('error', (error) => {
      lastLines.push(error.message);
      end(null, null);
    });
    child.once('exit', end);
  });

  let probing = false;
  let failures = 0;
  async function probe(): Promise<void> {
    clearTimeout(timer);
    if (probing || replica.state !== 'starting') return;
    probing = true;
    const said = await askReadiness(port, options.readinessPath, probeTimeoutMs);
    probing = false;
    // It may have gone, or be told to stop, meanwhile.
    if (!isStarting()) return;
    const late = performance.now() - unreadyMs > options.startTimeoutMs;
    if (said === 'ready') {
      replica.state = 'ready';
      wasReady = true;
      failures = 0;
      coldStart.reached('ready');
      options.ready();
      timer = setTimeout(() => void watch(), readinessPeriod.ms);
    } else if (late && !(wasReady && said === 'unready')) {
      lastLines.push(`not ready within ${options.startTimeoutMs / 1000} s`);
      replica.kill();
    } else timer = setTimeout(() => void probe(), probeMs);
  }
  const isStarting = (): boolean => replica.state === 'starting';

  /** Whether it still is ready. If not it gets no requests until it is again; its connections end with their next answer. */
  async function watch(): Promise<void> {
    const said = await askReadiness(port, options.readinessPath, readinessPeriod.timeoutMs);
    if (replica.state !== 'ready') return;
    failures = said === 'ready' ? 0 : failures + 1;
    if (failures < readinessPeriod.failures) {
      timer = setTimeout(() => void watch(), readinessPeriod.ms);
      return;
    }
    options.line(`not ready any more: ${options.readinessPath} failed ${failures} times`);
    replica.link?.shed(Number.MAX_SAFE_INTEGER);
    replica.suspect();
  }
  timer = setTimeout(() => void probe(), probeMs);
  return replica;
}

function lines(stream: Readable, each: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: stream, crlfDelay: Infinity }).on('line', each).on('close', resolve);
  });
}
