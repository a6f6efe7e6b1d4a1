import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRegistry, fileOf } from '../../functions/shared/model/registry.ts';
import { python } from '../needs.ts';
import { type Mlflow, startMlflow } from '../servers/mlflow.ts';

const root = path.resolve(import.meta.dirname, '../..');
const results = path.join(root, '../shared/data/matches.csv');
const need = await python('model/requirements-mlflow.txt');
const missing = 'missing' in need || !existsSync(results);
const modelUri = 'models:/match-outcome@Production';
/** Kept connections would be closed by the server, unseen, while this process waits for a command. */
const anew = { headers: { connection: 'close' } };

describe.skipIf(missing)('python -m model against a real MLflow server', () => {
  let server: Mlflow;
  let trackingUri: string;

  beforeAll(async () => {
    if ('missing' in need) return;
    server = await startMlflow(need.path);
    trackingUri = server.url;
  });
  afterAll(async () => {
    await server.remove();
  });

  function model(...arguments_: string[]): { status: number | null; out: string } {
    if ('missing' in need) throw new Error(need.missing);
    const run = spawnSync(need.path, ['-m', 'model', ...arguments_], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, MLFLOW_TRACKING_URI: trackingUri, MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' },
      // MLflow's imports alone take 5 s, and minutes where two cores have other work.
      timeout: 240_000,
    });
    return { status: run.status, out: run.stdout + run.stderr };
  }

  test('evaluates into a run: metrics, reliability diagram and league table', async () => {
    const { status, out } = model('evaluate', '--out', path.join(server.folder, 'evaluation'));
    expect(status, out).toBe(0);
    const run_id = /logged as run ([0-9a-f]{32})/.exec(out)?.[1] ?? '';
    const ask = async (call: string): Promise<string> =>
      (await fetch(`${trackingUri}/api/2.0/mlflow/${call}run_id=${run_id}`, anew)).text();
    const run = await ask('runs/get?');
    for (const name of ['season_2024_25.rps', 'frozen.season_2024_25.rps', 'baselines.base_rates'])
      expect(run).toContain(name);
    const files = await ask('artifacts/list?path=evaluation&');
    for (const name of ['metrics.json', 'reliability.svg', 'leagues.csv'])
      expect(files).toContain(`evaluation/${name}`);
  }, 300_000);

  test('registers a version that the functions can load once the alias is moved to it', async () => {
    const { status, out } = model('register');
    expect(status, out).toBe(0);
    await expect(createRegistry({ trackingUri, modelUri }).resolve()).rejects.toThrow('Production');
    expect(model('promote').out).toContain('Production is version 1');

    const registry = createRegistry({ trackingUri, modelUri });
    const ref = await registry.resolve();
    expect(ref).toMatchObject({ name: 'match-outcome', version: '1', ratingsAsOf: '2025-05-31' });
    const artifact = await registry.download(ref);
    const session = await InferenceSession.create(fileOf(artifact, 'model.onnx'));
    expect(session.inputNames).toEqual(['home', 'away', 'league']);
    const text = (name: string): string => Buffer.from(fileOf(artifact, name)).toString();
    expect(text('teams.json')).toContain('"Man Utd"');
    expect(text('MLmodel')).toContain('model.onnx');
    await session.release();
  }, 300_000);

  test('registers what MLflow itself loads and runs, with names as input', () => {
    if ('missing' in need) return;
    const script = `
import mlflow, numpy
model = mlflow.pyfunc.load_model("${modelUri}")
names = {"home": ["Arsenal", "Nobody"], "away": ["Chelsea", "Spurs"], "league": ["", ""]}
out = model.predict({name: numpy.array(values, dtype=object) for name, values in names.items()})
print(out["probs"].shape, out["known"].tolist())`;
    const run = spawnSync(need.path, ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, MLFLOW_TRACKING_URI: trackingUri, MLFLOW_DISABLE_TELEMETRY: 'true' },
      timeout: 240_000,
    });
    expect(run.stdout, run.stderr).toContain('(2, 3) [True, False]');
  }, 300_000);

  test('registers nothing when the files cannot be stored, and leaves the alias', async () => {
    const artifacts = path.join(server.folder, 'artifacts');
    renameSync(artifacts, `${artifacts}.kept`);
    writeFileSync(artifacts, 'a file where the server wants a folder');
    const { status, out } = model('register');
    expect(status, out).toBe(1);
    expect(out).toContain(`MLflow at ${trackingUri}`);
    expect(out).not.toContain('Traceback');
    renameSync(artifacts, `${artifacts}.broken`);
    renameSync(`${artifacts}.kept`, artifacts);

    const versions = await fetch(`${trackingUri}/api/2.0/mlflow/model-versions/search`, anew);
    expect(await versions.json()).toMatchObject({ model_versions: [{ version: '1' }] });
    expect(await createRegistry({ trackingUri, modelUri }).resolve()).toMatchObject({ version: '1' });
  }, 300_000);

  test('rolls back to the version before', async () => {
    expect(model('rollback').out).toContain('nothing to go back to');
    expect(model('register').out).toContain('match-outcome version 2');
    expect(model('promote').out).toContain('Production is version 2, was 1');
    expect(await createRegistry({ trackingUri, modelUri }).resolve()).toMatchObject({ version: '2' });
    expect(model('rollback').out).toContain('Production is version 1 again, was 2');
    expect(await createRegistry({ trackingUri, modelUri }).resolve()).toMatchObject({ version: '1' });
  }, 300_000);

  test('a version becomes the challenger with a share of the answers, and is withdrawn', async () => {
    expect(model('challenge', '--version', '2', '--canary', '25').out).toContain('answers 25 %');
    const challenger = createRegistry({ trackingUri, modelUri: 'models:/match-outcome@Challenger' });
    const ref = await challenger.resolve();
    expect(ref.version).toBe('2');
    expect(await challenger.canaryPercent(ref)).toBe(25);
    expect(model('challenge', '--end').out).toContain('version 2 is the challenger no more');
    await expect(challenger.resolve()).rejects.toThrow('Challenger');
  }, 300_000);

  test('says so in one message when the server is down', async () => {
    await server.stop();
    const { status, out } = model('rollback');
    expect(status).toBe(1);
    expect(out).toContain(`MLflow at ${trackingUri}`);
    expect(out).not.toContain('Traceback');
  }, 300_000);
});
