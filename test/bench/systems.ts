import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debian, type Need, python } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { startRedis } from '../servers/redis.ts';
import { until } from '../until.ts';

export const root = path.resolve(import.meta.dirname, '../..');
const baseline = path.resolve(root, '../shared/baseline');
const model = path.join(root, 'model/registry/match-outcome/1/model.onnx');
const cache = path.join(root, '.cache/bench');

/** A system under load. */
export type Running = {
  url: string;
  /** Pids at the roots of everything that it needs to answer, broker and store included. */
  pids(): number[];
  stop(): Promise<void>;
};

export type System = {
  protocol: 'teams' | 'native' | 'get';
  /** It keeps answers, so hits are measured too. */
  cached: boolean;
  /** It takes many fixtures in one request. */
  lists: boolean;
  /** What it needs and is not there, or undefined. */
  missing(): Promise<string | undefined>;
  start(): Promise<Running>;
};

/** Starts and stops together; the last started stops first. */
class Parts {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'kickoff-bench-'));
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #pids: (() => number)[] = [];

  add(stop: () => Promise<void>, pid: () => number): void {
    this.#stops.push(stop);
    this.#pids.push(pid);
  }
  pids(): number[] {
    return this.#pids.map((pid) => pid());
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
    if (counted) this.add(stop, () => child.pid ?? 0);
    else this.#stops.push(stop);
    return child;
  }

  async rabbitmq(): Promise<string> {
    const need = await debian('rabbitmq-server', 'rabbitmq-server');
    if ('missing' in need) throw new Error(need.missing);
    const server = await startRabbit(need.path);
    this.add(
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
      () => server.remove(),
      () => server.pid(),
    );
    return server.url;
  }
}

async function answers(url: string, body: object | undefined): Promise<void> {
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
async function running(start: (parts: Parts) => Promise<string>, body?: object): Promise<Running> {
  const parts = new Parts();
  try {
    const url = await start(parts);
    await answers(url, body);
    return { url, pids: () => parts.pids(), stop: () => parts.stop() };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

const fixture = { home: 'Arsenal', away: 'Chelsea' };
const features = Array.from({ length: 24 }, () => 0.1);
const first = (needs: Need[]): string | undefined => {
  const missing = needs.find((need) => 'missing' in need);
  return missing && 'missing' in missing ? missing.missing : undefined;
};
const servers = (): Promise<Need[]> =>
  Promise.all([debian('rabbitmq-server', 'rabbitmq-server'), debian('redis-server', 'redis-server')]);

const requirements = '../shared/baseline/requirements/seed.txt';
async function peers(): Promise<Need[]> {
  if (!existsSync(baseline)) return [{ missing: 'needs ../shared/baseline' }];
  return [await python(requirements)];
}
async function interpreter(): Promise<string> {
  const need = await python(requirements);
  if ('missing' in need) throw new Error(need.missing);
  return need.path;
}

const threads = {
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  MLFLOW_DISABLE_TELEMETRY: 'true',
};

/** uvicorn as the baseline tunes it: two processes, uvloop, httptools. */
async function uvicorn(
  parts: Parts,
  module: string,
  place: string,
  env: Record<string, string>,
): Promise<string> {
  const port = String(await freePort());
  const options = [
    '--host',
    '127.0.0.1',
    '--port',
    port,
    '--workers',
    '2',
    '--loop',
    'uvloop',
    '--http',
    'httptools',
  ];
  parts.spawn(
    'uvicorn',
    await interpreter(),
    ['-m', 'uvicorn', module, ...options, '--no-access-log', '--log-level', 'warning'],
    { ...threads, ...env, PYTHONPATH: [place, env['PYTHONPATH'] ?? ''].join(':') },
    { cwd: place },
  );
  return `http://127.0.0.1:${port}/predict`;
}

async function celery(parts: Parts, place: string, env: Record<string, string>): Promise<void> {
  for (const n of [1, 2])
    parts.spawn(
      `celery${n}`,
      await interpreter(),
      [
        ...[
          '-m',
          'celery',
          '-A',
          'worker',
          'worker',
          '-Q',
          'ml',
          '-c',
          '1',
          '--pool',
          'prefork',
          '-O',
          'fair',
        ],
        ...['--without-gossip', '--without-mingle', '-n', `ml${n}@%h`, '-l', 'warning'],
      ],
      { ...threads, ...env, PYTHONPATH: [place, env['PYTHONPATH'] ?? ''].join(':') },
      { cwd: place },
    );
}

/** The 900-tree stand-in of the baseline, trained once. */
async function standIn(): Promise<string> {
  const file = path.join(cache, 'match.onnx');
  if (!existsSync(file)) {
    mkdirSync(cache, { recursive: true });
    const child = spawn(await interpreter(), [path.join(baseline, 'model.py'), cache], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...threads },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error('the stand-in model could not be trained');
  }
  return file;
}

async function mlflow(parts: Parts): Promise<string> {
  const port = String(await freePort());
  const store = `sqlite:///${parts.folder}/mlflow.db`;
  const artifacts = path.join(parts.folder, 'artifacts');
  parts.spawn(
    'mlflow',
    await interpreter(),
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', port, '--workers', '1'],
      ...['--backend-store-uri', store, '--serve-artifacts', '--artifacts-destination', artifacts],
    ],
    {
      ...threads,
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      PATH: `${path.dirname(await interpreter())}:${process.env['PATH'] ?? ''}`,
    },
    { cwd: parts.folder, counted: false },
  );
  await answers(`http://127.0.0.1:${port}/health`, undefined);
  return `http://127.0.0.1:${port}`;
}

async function kickoff(parts: Parts, env: Record<string, string>): Promise<string> {
  const port = String(await freePort());
  parts.spawn('kickoff', process.execPath, ['eventing/local/start.mjs'], {
    PORT: port,
    KICKOFF_STATE: path.join(parts.folder, 'state'),
    LOG_LEVEL: 'warn',
    ...env,
  });
  return `http://127.0.0.1:${port}/v1/predictions`;
}

const ours = { protocol: 'teams', cached: true, lists: true } as const;

/** What is compared, the peer to beat first: ratios are to it. */
export const systems: Record<string, System> = {
  /** The stack that Kickoff replaces, with this project's model. */
  original: {
    protocol: 'teams',
    cached: true,
    lists: false,
    missing: async () => first([...(await servers()), ...(await peers())]),
    start: () =>
      running(async (parts) => {
        const env = {
          BASE_BROKER: `${await parts.rabbitmq()}//`,
          BASE_REDIS: await parts.redis(),
          BASE_ONNX: model,
          BASE_CONFIRM: '1',
          BASE_SEED: path.join(baseline, 'seed'),
          PYTHONPATH: path.join(baseline, 'seed'),
        };
        const place = path.join(root, 'test/bench/peers');
        await celery(parts, place, env);
        return uvicorn(parts, 'api:app', place, env);
      }, fixture),
  },
  /** The same with the baseline's 900-tree stand-in, loaded through MLflow's pyfunc. */
  'original-trees': {
    protocol: 'native',
    cached: true,
    lists: false,
    missing: async () => first([...(await servers()), ...(await peers())]),
    start: () =>
      running(
        async (parts) => {
          const file = await standIn();
          const env = {
            BASE_BROKER: `${await parts.rabbitmq()}//`,
            BASE_REDIS: await parts.redis(),
            BASE_MLFLOW: await mlflow(parts),
            BASE_CONFIRM: '1',
          };
          const place = path.join(baseline, 'seed');
          const register = spawn(await interpreter(), [path.join(place, 'register.py'), file], {
            stdio: ['ignore', 'ignore', 'ignore'],
            env: { ...process.env, ...threads, ...env, PYTHONPATH: place },
          });
          await once(register, 'exit');
          await celery(parts, place, env);
          return uvicorn(parts, 'api:app', place, env);
        },
        { ...fixture, date: '2026-11-24', features },
      ),
  },
  kickoff: {
    ...ours,
    missing: async () => first(await servers()),
    start: () =>
      running(
        async (parts) => kickoff(parts, { AMQP_URL: await parts.rabbitmq(), STORE_URL: await parts.redis() }),
        fixture,
      ),
  },
  'kickoff-embedded': {
    ...ours,
    missing: () => Promise.resolve(undefined),
    start: () => running((parts) => kickoff(parts, {}), fixture),
  },
  'fastapi-in-process': {
    protocol: 'teams',
    cached: false,
    lists: false,
    missing: async () => first(await peers()),
    start: () =>
      running(
        (parts) =>
          uvicorn(parts, 'fastapi_in_process:app', path.join(root, 'test/bench/peers'), { BASE_ONNX: model }),
        fixture,
      ),
  },
  'fastapi-in-process-trees': {
    protocol: 'native',
    cached: false,
    lists: false,
    missing: async () => first(await peers()),
    start: () =>
      running(
        async (parts) =>
          uvicorn(parts, 'fastapi_inproc:app', path.join(baseline, 'peers'), { BASE_ONNX: await standIn() }),
        { ...fixture, date: '2026-11-24', features },
      ),
  },
  'hono-hello': {
    protocol: 'get',
    cached: false,
    lists: false,
    missing: () => Promise.resolve(undefined),
    start: () =>
      running(async (parts) => {
        const port = String(await freePort());
        parts.spawn('hono', process.execPath, ['test/bench/hello.ts', port], {});
        return `http://127.0.0.1:${port}/`;
      }),
  },
};
