import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { files, load } from '../../functions/predict/src/load.ts';
import { followModel } from '../../functions/shared/model/follow.ts';
import { createLog } from '../../functions/shared/log.ts';
import { createRegistry } from '../../functions/shared/model/registry.ts';
import { openStore } from '../../functions/shared/store/open.ts';
import { python } from '../needs.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { type MlflowRegistry, startMlflowRegistry } from './mlflow-registry.ts';
import { startPredict } from '../servers/predict.ts';
import { until } from '../until.ts';
import { shippedFiles } from './shipped.ts';

const need = await python('model/requirements-mlflow.txt');
const modelUri = 'models:/match-outcome@Production';
const Answer = v.object({
  status: v.literal('done'),
  cached: v.boolean(),
  model: v.object({ version: v.string() }),
});
const Model = v.object({ version: v.string(), stale: v.optional(v.boolean()) });

async function teamsOf(league: string): Promise<string[]> {
  const Teams = v.object({ teams: v.array(v.object({ name: v.string(), league: v.nullable(v.string()) })) });
  const { teams } = v.parse(Teams, JSON.parse(String((await shippedFiles())['teams.json'])));
  return teams.filter((team) => team.league === league).map(({ name }) => name);
}

async function predictionOf(url: string, home: string, away: string): Promise<v.InferOutput<typeof Answer>> {
  const response = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home, away }),
  });
  return v.parse(Answer, await response.json());
}

describe.skipIf('missing' in need)('the alias of a real MLflow server', () => {
  const interpreter = 'path' in need ? need.path : '';
  let mlflow: MlflowRegistry;
  let folder: string;
  const versions: string[] = [];

  beforeAll(async () => {
    mlflow = await startMlflowRegistry(interpreter);
    folder = await mkdtemp(path.join(tmpdir(), 'live-swap-'));
    for (const note of ['a', 'b']) versions.push(await mlflow.add(await shippedFiles(note)));
    await mlflow.alias('Production', '1');
  }, 120_000);
  afterAll(async () => {
    await mlflow.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('is followed under load: no error, within 10 s, and nothing of the old version afterwards', async () => {
    const names = await teamsOf('ENG1');
    const kickoff = await startKickoff(path.join(folder, 'state'), {
      MLFLOW_TRACKING_URI: mlflow.url,
      LOG_LEVEL: 'warn',
    });
    try {
      type Seen = { version: string; cached: boolean; began: number; ended: number };
      const seen: Seen[] = [];
      const errors: unknown[] = [];
      let running = true;
      const client = async (first: number): Promise<void> => {
        for (let n = first; running; n += 7) {
          const began = performance.now();
          const home = names[n % names.length] ?? '';
          const away = names[(n + 1 + (n % (names.length - 1))) % names.length] ?? '';
          try {
            const { cached, model } = await predictionOf(kickoff.url, home, away);
            seen.push({ version: model.version, cached, began, ended: performance.now() });
          } catch (error) {
            errors.push(error);
          }
        }
      };
      const clients = [0, 1, 2, 3].map(client);
      await until(() => seen.length > 200, { deadline: 30_000 });
      await mlflow.alias('Production', '2');
      const flipped = performance.now();
      const firstNew = await until(() => seen.find(({ version }) => version === '2'), { deadline: 10_000 });
      await until(
        () => (seen.findLast(({ version }) => version === '1')?.ended ?? 0) < performance.now() - 2000,
        {
          deadline: 15_000,
        },
      );
      const settledAt = seen.length;
      await until(() => seen.length > settledAt + 500, { deadline: 30_000 });
      running = false;
      await Promise.all(clients);
      const seconds = (time: number): number => Math.round((time - flipped) / 10) / 100;
      const lastOld = Math.max(...seen.filter(({ version }) => version === '1').map(({ ended }) => ended));
      const after = seen.filter(({ began }) => began > lastOld);
      console.log(
        `flip under load: ${seen.length} answers, errors ${errors.length}, first answer of the new version ` +
          `${seconds(firstNew.ended)} s after the move, last of the old one ${seconds(lastOld)} s, ` +
          `${after.length} answers behind it, ${after.filter(({ cached }) => cached).length} of them cached`,
      );
      expect(errors).toEqual([]);
      expect(seconds(firstNew.ended)).toBeLessThan(10);
      expect(seconds(lastOld)).toBeLessThan(10);
      expect(after.length).toBeGreaterThan(400);
      expect(after.some(({ cached }) => cached)).toBe(true);
      expect(after.every(({ version }) => version === '2')).toBe(true);
    } finally {
      await kickoff.stop();
      await mlflow.alias('Production', '1');
    }
  }, 120_000);

  test('a challenger is followed by the local runtime too: compared behind the answers, none of them its own', async () => {
    const state = path.join(folder, 'challenger');
    const kickoff = await startKickoff(state, { MLFLOW_TRACKING_URI: mlflow.url, LOG_LEVEL: 'warn' });
    const store = await openStore(`sqlite:${path.join(state, 'store.db')}`);
    const rivals = (await teamsOf('ENG1')).filter((name) => name !== 'Arsenal');
    const versions = new Set<string>();
    const askAll = async (match: (rival: string) => [string, string]): Promise<number> => {
      const times: number[] = [];
      for (const rival of rivals) {
        const began = performance.now();
        versions.add((await predictionOf(kickoff.url, ...match(rival))).model.version);
        times.push(performance.now() - began);
      }
      return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
    };
    try {
      await predictionOf(kickoff.url, 'Leeds United', 'Arsenal');
      const without = await askAll((rival) => ['Arsenal', rival]);
      expect(await store.history.shadows()).toEqual([]);
      await mlflow.alias('Challenger', '2');
      // predict learns of it by its own poll: each question is of a match that nobody has asked for yet.
      const unasked = rivals.flatMap((home) =>
        rivals.filter((away) => away !== home).map((away) => [home, away]),
      );
      await until(async () => {
        const [home = '', away = ''] = unasked.pop() ?? [];
        await predictionOf(kickoff.url, home, away);
        return (await store.history.shadows()).length > 0;
      });
      const beside = await askAll((rival) => [rival, 'Arsenal']);
      await until(
        async () => {
          const pairs = (await store.history.shadows())[0]?.pairs ?? [];
          return pairs.filter(({ away }) => away === 'Arsenal').length === rivals.length;
        },
        { deadline: 20_000 },
      );
      console.log(
        `challenger: ${rivals.length} answers each, median ${without.toFixed(1)} ms without, ${beside.toFixed(1)} ms beside one`,
      );
      expect(versions).toEqual(new Set(['1']));
    } finally {
      await store.close();
      await kickoff.stop();
    }
  }, 120_000);

  describe('on an artifact that is broken', () => {
    const otherInputs = `
import sys, onnx
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
sys.stdout.buffer.write(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())`;
    const noFigures = `
import sys, numpy, onnx
from onnx import numpy_helper
model = onnx.load_model_from_string(sys.stdin.buffer.read())
for one in model.graph.initializer:
    if one.name == "home_table":
        one.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(one) * numpy.float32("nan"), one.name))
sys.stdout.buffer.write(model.SerializeToString())`;

    test.each([
      [
        'has another digest',
        'does not have the registered digest',
        {},
        { 'kickoff.digest': `sha256:${'0'.repeat(64)}` },
      ],
      ['has no digest', 'has no READY digest', {}, { 'kickoff.digest': 'none' }],
      ['has other inputs', 'has no input home', { 'model.onnx': otherInputs }, {}],
      ['gives no figures', 'are no probabilities', { 'model.onnx': noFigures }, {}],
      ['is no ONNX', 'protobuf parsing failed', { 'model.onnx': 'not a graph' }, {}],
      [
        'is over the size limit',
        'is larger than 1000000 bytes',
        { 'model.onnx': Buffer.alloc(1_000_001) },
        {},
      ],
      ['fails its warm-up', 'does not know Nowhere', { 'teams.json': 'strangers' }, {}],
    ])(
      'that %s, it is refused, reported once, and the old version stays',
      async (_, reason, changed, tags) => {
        const broken = { ...(await shippedFiles(reason)), ...changed };
        const script = broken['model.onnx'];
        if (script === otherInputs || script === noFigures) {
          const { 'model.onnx': input } = await shippedFiles();
          broken['model.onnx'] = spawnSync(interpreter, ['-c', script], { input }).stdout;
        }
        if (broken['teams.json'] === 'strangers') {
          const team = (name: string) => ({ name, country: 'x', league: null, aliases: [] });
          broken['teams.json'] = JSON.stringify({
            ...{ ratings_as_of: '2025-05-31', leagues: [], teams: [team('Nowhere'), team('Elsewhere')] },
          });
        }
        const version = await mlflow.add(broken, tags);
        const lines: string[] = [];
        const write = (line: string): void => void lines.push(line);
        const registry = createRegistry({ trackingUri: mlflow.url, modelUri, maxBytes: 1_000_000 });
        const model = await followModel(registry, {
          files,
          pollMs: 3_600_000,
          load: (artifact) => load(artifact, 1),
          log: createLog('debug', { out: write, err: write }),
        });
        try {
          await mlflow.alias('Production', version);
          for (let look = 0; look < 3; look++) await model.refresh();
          expect(model.current().ref.version).toBe('1');
          const reports = lines.filter((line) => line.includes('refused'));
          expect(reports, lines.join('')).toHaveLength(1);
          expect(reports[0]).toContain(reason === 'has no READY digest' ? 'kickoff.digest' : reason);
          expect(lines.filter((line) => line.includes('does not answer'))).toEqual([]);
          await mlflow.alias('Production', '2');
          await model.refresh();
          expect(model.current().ref.version).toBe('2');
        } finally {
          await mlflow.alias('Production', '1');
          await model.close();
        }
      },
      30_000,
    );
  });

  test('on a version whose tag was forgotten: a start takes the version that answered last, and the mended one within seconds', async () => {
    const STORE_URL = `sqlite:${path.join(folder, 'refused.db')}`;
    const env = { MLFLOW_TRACKING_URI: mlflow.url, MODEL_POLL_MS: '200', STORE_URL };
    const key = 'kickoff.digest';
    const version = await mlflow.add(await shippedFiles('forgotten'));
    const tagged = await createRegistry({
      ...{ trackingUri: mlflow.url, modelUri: `models:/match-outcome/${version}` },
    }).resolve();
    await mlflow.call('DELETE', 'model-versions/delete-tag', { name: 'match-outcome', version, key });
    await mlflow.alias('Production', version);
    await expect(startPredict(env)).rejects.toThrow(/cannot use .*no tag kickoff\.digest/);

    const good = await createRegistry({
      ...{ trackingUri: mlflow.url, modelUri: 'models:/match-outcome/1' },
    }).resolve();
    const store = await openStore(STORE_URL);
    await store.lastGood.keep(good);
    await store.close();
    const predict = await startPredict(env);
    try {
      expect((await predict.ask('Arsenal', 'Chelsea')).model).toEqual({ ...good, refused: version });
      const value = `sha256:${tagged.digest}`;
      await mlflow.call('POST', 'model-versions/set-tag', { name: 'match-outcome', version, key, value });
      await until(async () => (await predict.ask('Arsenal', 'Chelsea')).model.version === version);
      expect((await predict.ask('Arsenal', 'Chelsea')).model).toEqual(tagged);
      const lines = predict.output().split('\n');
      expect(lines.filter((line) => line.includes('is refused'))).toHaveLength(1);
    } finally {
      await predict.stop();
      await mlflow.alias('Production', '1');
    }
  }, 120_000);

  test('goes on through an outage; a start in it takes the last good version, says so in every answer, and moves on when the server is back', async () => {
    const cache = path.join(folder, 'last-good');
    const env = { MLFLOW_TRACKING_URI: mlflow.url, MODEL_CACHE_DIR: cache, MODEL_POLL_MS: '200' };
    const before = await startPredict(env);
    expect((await before.ask('Arsenal', 'Chelsea')).model).toMatchObject({ version: '1' });
    await mlflow.stop();
    await until(() => before.output().includes('does not answer'), { deadline: 30_000 });
    const going = await before.ask('Arsenal', 'Chelsea');
    expect(going.model).not.toHaveProperty('stale');
    expect(going.outcomes[0]?.status).toBe('done');

    const during = await startPredict(env);
    for (const away of ['Chelsea', 'Everton'])
      expect((await during.ask('Arsenal', away)).model).toMatchObject({ version: '1', stale: true });
    const shown = v.parse(Model, await (await fetch(`${during.url}/v1/model`)).json());
    expect(shown).toEqual({ version: '1', stale: true });

    await mlflow.start();
    await mlflow.alias('Production', '2');
    for (const process of [before, during])
      await until(async () => (await process.ask('Arsenal', 'Chelsea')).model.version === '2', {
        deadline: 30_000,
      });
    expect((await during.ask('Arsenal', 'Chelsea')).model).not.toHaveProperty('stale');
    expect(await readFile(path.join(cache, 'predict/last-good.json'), 'utf8')).toContain('"version":"2"');
    await Promise.all([before.stop(), during.stop()]);
  }, 120_000);
});
