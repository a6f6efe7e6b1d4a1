import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { debian, type Need } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { startArguments } from '../servers/kickoff.ts';
import { type Parts, root, type Running, running } from './parts.ts';
import { baseline, celery, interpreter, mlflow, model, peers, standIn, threads, uvicorn } from './peers.ts';

export type System = {
  protocol: 'teams' | 'native' | 'get';
  /** It keeps answers, so hits are measured too. */
  cached: boolean;
  /** It takes many fixtures in one request. */
  lists: boolean;
  /** It ends its processes when nobody asks. */
  scalesToZero: boolean;
  /** What it needs and is not there, or undefined. */
  missing(): Promise<string | undefined>;
  start(): Promise<Running>;
};

const fixture = { home: 'Arsenal', away: 'Chelsea' };
const features = Array.from({ length: 24 }, () => 0.1);
const first = (needs: Need[]): string | undefined => {
  const missing = needs.find((need) => 'missing' in need);
  return missing && 'missing' in missing ? missing.missing : undefined;
};
const servers = (): Promise<Need[]> =>
  Promise.all([debian('rabbitmq-server', 'rabbitmq-server'), debian('redis-server', 'redis-server')]);

/** Kickoff as `npm start` starts it, on servers of `env` or embedded. */
export async function kickoff(parts: Parts, env: Record<string, string>): Promise<string> {
  const port = String(await freePort());
  parts.spawn('runtime', process.execPath, startArguments, {
    PORT: port,
    KICKOFF_STATE: path.join(parts.folder, 'state'),
    LOG_LEVEL: 'warn',
    ...env,
  });
  return `http://127.0.0.1:${port}/v1/predictions`;
}

const ours = { protocol: 'teams', cached: true, lists: true, scalesToZero: true } as const;

/** What is compared, the peer to beat first: ratios are to it. */
export const systems: Record<string, System> = {
  /** The stack that Kickoff replaces, with this project's model. */
  original: {
    protocol: 'teams',
    cached: true,
    lists: false,
    scalesToZero: false,
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
    scalesToZero: false,
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
    scalesToZero: false,
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
    scalesToZero: false,
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
    scalesToZero: false,
    missing: () => Promise.resolve(undefined),
    start: () =>
      running(async (parts) => {
        const port = String(await freePort());
        parts.spawn('hono', process.execPath, ['test/bench/hello.ts', port], {});
        return `http://127.0.0.1:${port}/`;
      }),
  },
};
