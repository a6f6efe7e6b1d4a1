import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';
import { shippedFiles } from '../../model/shipped.ts';
import { until } from '../../until.ts';
import { registryFolder } from '../shared/model/registry-folder.ts';

type Answer = { status: string; cached: boolean; model: { version: string; refused?: string } };

const digestTag = 'kickoff.digest';
const marker = 'kickoff-model-refused';
let registry: Awaited<ReturnType<typeof registryFolder>>;
let state: string;
const worlds: ProcessWorld[] = [];

/** Version 2 is as good as 1. 3 has the same catalogue, and a graph that does not load. */
beforeEach(async () => {
  registry = await registryFolder();
  for (const each of ['1', '2']) await registry.add(each, await shippedFiles(each));
  await registry.add('3', { ...(await shippedFiles('3')), 'model.onnx': 'no graph' });
  await registry.alias('Production', '1');
  state = await mkdtemp(path.join(tmpdir(), 'kickoff-refused-'));
});
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
  await registry.remove();
  await rm(state, { recursive: true });
});

/** All functions, as pods that have just started, on the store of those before. */
async function start(): Promise<ProcessWorld> {
  const storeUrl = `sqlite:${path.join(state, 'store')}`;
  const world = await startProcessWorld({ registryFolder: registry.folder, storeUrl });
  worlds.push(world);
  return world;
}

async function send(world: ProcessWorld, route: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return world.request(route, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function ask(world: ProcessWorld, away: string): Promise<Answer & { header: string | null }> {
  const response = await send(world, '/v1/predictions', { home: 'Arsenal', away });
  expect(response.status).toBe(200);
  return { ...((await response.json()) as Answer), header: response.headers.get(marker) };
}

async function shown(world: ProcessWorld): Promise<Record<string, unknown>> {
  return (await (await world.request('/v1/model')).json()) as Record<string, unknown>;
}

test('without an answer of any version a start with a refused one is an error', async () => {
  await registry.tag('1', digestTag, undefined);
  await expect(start()).rejects.toThrow(/version 1 has no tag kickoff\.digest/);
});

test('a tag was forgotten: new functions answer by the version that answered last, every answer says so, until the tag is there', async () => {
  const before = await start();
  expect(await ask(before, 'Chelsea')).toMatchObject({ cached: false, header: null });
  await until(async () => (await before.store.lastGood.find())?.version === '1');
  const tag = `sha256:${registry.ref('2').digest}`;
  await registry.tag('2', digestTag, undefined);
  await registry.alias('Production', '2');

  const world = await start();
  const refused = { model: { version: '1', refused: '2' }, header: '2' };
  expect(await ask(world, 'Everton')).toMatchObject({ cached: false, ...refused });
  // Made before the alias moved, and by functions that went on.
  expect(await ask(world, 'Chelsea')).toMatchObject({ cached: true, ...refused });
  await before.looks();
  expect(await ask(before, 'Leeds')).toMatchObject({ cached: false, ...refused });
  const reason = expect.stringMatching(/version 2 has no tag kickoff\.digest; register it by/) as unknown;
  expect(await shown(world)).toMatchObject({ version: '1', refused: '2', refusedReason: reason });
  expect(await (await world.predict('/v1/model')).json()).toMatchObject({
    ...{ version: '1', refused: '2', refusedReason: reason },
  });
  const unknown = await send(world, '/v1/predictions', { home: 'Arsenl', away: 'Chelsea' });
  expect([unknown.status, unknown.headers.get(marker)]).toEqual([422, '2']);
  const columns = { home: ['Arsenal'], away: ['Fulham'] };
  const invoked = await send(world, '/invocations', { inputs: columns });
  expect([invoked.status, invoked.headers.get(marker)]).toEqual([200, '2']);
  const tensor = (name: 'home' | 'away') => ({ name, shape: [1], datatype: 'BYTES', data: columns[name] });
  const inferred = await send(world, '/v2/models/match-outcome/infer', {
    inputs: [tensor('home'), tensor('away')],
  });
  expect(await inferred.json()).toMatchObject({ model_version: '1', parameters: { refused: '2' } });
  expect(world.metrics()).toContain('kickoff_model_refused{version="2"} 1');
  // Once by predict, once by ingress.
  await world.looks();
  expect(world.logged.filter((line) => line.includes('is refused'))).toHaveLength(2);

  await registry.tag('2', digestTag, tag);
  await world.looks();
  const mended = await ask(world, 'Chelsea');
  expect(mended).toMatchObject({ cached: false, model: { version: '2' }, header: null });
  expect(mended.model).not.toHaveProperty('refused');
  expect(await shown(world)).toMatchObject({ version: '2' });
  expect(await shown(world)).not.toHaveProperty('refusedReason');
  expect(world.metrics()).toContain('kickoff_model_refused 0');
  await until(async () => (await world.store.lastGood.find())?.version === '2');
});

test('ingress goes by what predict answers by: a graph does not load whose catalogue does', async () => {
  const before = await start();
  await ask(before, 'Chelsea');
  await until(async () => (await before.store.lastGood.find())?.version === '1');
  await registry.alias('Production', '3');

  const world = await start();
  expect(await shown(world)).toMatchObject({ version: '3' });
  const inferred = await send(world, '/v2/models/match-outcome/infer', {
    inputs: ['Arsenal', 'Leeds'].map((team, n) => ({
      ...{ name: n === 0 ? 'home' : 'away', shape: [1], datatype: 'BYTES', data: [team] },
    })),
  });
  // Already the first answer says it.
  expect(await inferred.json()).toMatchObject({ model_version: '1', parameters: { refused: '3' } });
  expect(inferred.headers.get(marker)).toBe('3');
  await until(async () => (await shown(world))['refused'] === '3');
  expect(await shown(world)).toMatchObject({ version: '1', refusedReason: expect.any(String) as unknown });
  const refused = { model: { version: '1', refused: '3' }, header: '3' };
  // What version 1 has answered counts again.
  expect(await ask(world, 'Chelsea')).toMatchObject({ cached: true, ...refused });
  expect(await ask(world, 'Everton')).toMatchObject({ cached: false, ...refused });

  await registry.alias('Production', '2');
  await world.looks();
  expect(await ask(world, 'Chelsea')).toMatchObject({ cached: false, model: { version: '2' }, header: null });
});

test('ingress takes a version at once that predict can load again', async () => {
  const world = await start();
  await registry.tag('2', digestTag, undefined);
  const { digest } = registry.ref('1');
  await registry.alias('Production', '2');
  await world.looks();
  expect(await ask(world, 'Everton')).toMatchObject({ model: { version: '1', digest, refused: '2' } });
  await registry.alias('Production', '1');
  // Predict alone has looked: its answer tells ingress.
  await world.predictLooks();
  await ask(world, 'Fulham');
  await until(async () => (await shown(world))['refused'] === undefined);
});
