import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Need, python } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { answers, type Parts, root } from './parts.ts';

export const model = path.join(root, 'model/registry/match-outcome/1/model.onnx');
export const baseline = path.resolve(root, '../shared/baseline');
const cache = path.join(root, '.cache/bench');

const requirements = '../shared/baseline/requirements/seed.txt';
/** What the peers need: the baseline harness and its Python packages. */
export async function peers(): Promise<Need[]> {
  if (!existsSync(baseline)) return [{ missing: 'needs ../shared/baseline' }];
  return [await python(requirements)];
}
export async function interpreter(): Promise<string> {
  const need = await python(requirements);
  if ('missing' in need) throw new Error(need.missing);
  return need.path;
}

export const threads = {
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
  MLFLOW_DISABLE_TELEMETRY: 'true',
};

/** uvicorn as the baseline tunes it: two processes, uvloop, httptools. */
export async function uvicorn(
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

export async function celery(parts: Parts, place: string, env: Record<string, string>): Promise<void> {
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
export async function standIn(): Promise<string> {
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

export async function mlflow(parts: Parts): Promise<string> {
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
