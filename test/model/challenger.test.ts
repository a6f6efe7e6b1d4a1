import { afterEach, beforeEach, expect, test } from 'vitest';
import * as v from 'valibot';
import { isCanary } from '../../functions/shared/model/challenger.ts';
import { type ProcessWorld, startProcessWorld } from '../conformance/world.ts';
import { registryFolder } from '../functions/shared/model/registry-folder.ts';
import { until } from '../until.ts';
import { shippedFiles } from './shipped.ts';

const Answer = v.object({ cached: v.boolean(), model: v.object({ version: v.string() }) });
const teams = ['Chelsea', 'Everton', 'Liverpool', 'Brentford', 'Fulham', 'Aston Villa', 'West Ham United'];
let registry: Awaited<ReturnType<typeof registryFolder>>;
let world: ProcessWorld;

beforeEach(async () => {
  registry = await registryFolder();
  await registry.add('1', await shippedFiles('champion'));
  await registry.add('2', await shippedFiles('challenger'));
  await registry.add('3', await shippedFiles('canary'), { 'kickoff.canary': '40' });
  await registry.alias('Production', '1');
  world = await startProcessWorld({ registryFolder: registry.folder });
});
afterEach(async () => {
  await world.close();
  await registry.remove();
});

async function ask(away: string): Promise<v.InferOutput<typeof Answer>> {
  const response = await world.request('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home: 'Arsenal', away }),
  });
  expect(response.status).toBe(200);
  return v.parse(Answer, await response.json());
}

test('without a challenger no event is marked, and nothing is compared', async () => {
  await ask('Chelsea');
  expect(world.published.filter((event) => event['shadow'] !== undefined)).toEqual([]);
  expect(await world.store.history.shadows()).toEqual([]);
  expect(world.logged.filter((line) => line.includes('"warn"'))).toEqual([]);
});

test('a challenger that is the champion itself is not compared', async () => {
  await registry.alias('Challenger', '1');
  await world.looks();
  await ask('Chelsea');
  expect(world.published.filter((event) => event['shadow'] !== undefined)).toEqual([]);
});

test('a challenger predicts the same, behind the answer: kept apart, never returned, gone with its alias', async () => {
  await registry.alias('Challenger', '2');
  await world.looks();
  for (const away of ['Chelsea', 'Everton'])
    expect(await ask(away)).toMatchObject({ model: { version: '1' } });
  await until(async () => (await world.store.history.shadows())[0]?.pairs.length === 2);
  const [compared] = await world.store.history.shadows();
  expect(compared).toMatchObject({ champion: { version: '1' }, challenger: { version: '2' } });
  expect(await ask('Chelsea')).toEqual({ cached: true, model: { version: '1' } });
  expect((await world.store.history.of('Arsenal', 'Chelsea')).map(({ model }) => model.version)).toEqual([
    '1',
  ]);

  await registry.removeAlias('Challenger');
  await world.looks();
  const marked = world.published.filter((event) => event['shadow'] !== undefined).length;
  await ask('Liverpool');
  expect(world.published.filter((event) => event['shadow'] !== undefined)).toHaveLength(marked);
});

test('a canary is answered by the challenger, always the same matches, each version from its own cache', async () => {
  await registry.alias('Challenger', '3');
  await world.looks();
  const expected = (away: string): string => (isCanary({ home: 'Arsenal', away }, 40) ? '3' : '1');
  expect(new Set(teams.map(expected))).toEqual(new Set(['1', '3']));
  for (const away of teams)
    expect(await ask(away)).toEqual({ cached: false, model: { version: expected(away) } });
  for (const away of teams)
    expect(await ask(away)).toEqual({ cached: true, model: { version: expected(away) } });
  await until(async () => (await world.store.history.shadows())[0]?.pairs.length === teams.length);
  await registry.removeAlias('Challenger');
  await world.looks();
  for (const away of teams) expect((await ask(away)).model.version).toBe('1');
});

test('a percentage that grows keeps the matches that it had', () => {
  const matches = Array.from({ length: 5000 }, (_, n) => ({ home: `Home ${n}`, away: 'Away' }));
  const at = (percent: number) => matches.filter((match) => isCanary(match, percent));
  expect(at(0)).toEqual([]);
  expect(at(100)).toHaveLength(matches.length);
  expect(at(10).length / matches.length).toBeCloseTo(0.1, 1);
  expect(at(20)).toEqual(expect.arrayContaining(at(10)));
});
