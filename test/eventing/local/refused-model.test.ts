import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRegistry } from '../../../eventing/local/registry.ts';
import { registryFolder } from '../../functions/shared/model/registry-folder.ts';
import { type Kickoff, startKickoff } from '../../servers/kickoff.ts';
import { shippedFiles } from '../../model/shipped.ts';
import { until } from '../../until.ts';
import { startLoad } from './world.ts';

type Answer = { model: { version: string; refused?: string } };

const functions = ['ingress', 'predict', 'cache-write'];
const digestTag = 'kickoff.digest';
let registry: Awaited<ReturnType<typeof registryFolder>>;
let server: Awaited<ReturnType<typeof startRegistry>>;
let state: string;
let kickoff: Kickoff;
let tag: string;

beforeEach(async () => {
  registry = await registryFolder();
  for (const each of ['1', '2']) await registry.add(each, await shippedFiles(each));
  await registry.alias('Production', '1');
  tag = `sha256:${registry.ref('2').digest}`;
  server = await startRegistry(registry.folder);
  state = await mkdtemp(path.join(tmpdir(), 'kickoff-refused-'));
  kickoff = await startKickoff(state, { MLFLOW_TRACKING_URI: server.url });
});
afterEach(async () => {
  await kickoff.stop();
  await server.close();
  await registry.remove();
  await rm(state, { recursive: true, force: true });
});

async function ask(home: string, away: string): Promise<Response> {
  return fetch(`${kickoff.url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home, away }),
  });
}
async function answer(home: string, away: string): Promise<Answer> {
  const response = await ask(home, away);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

test('from zero, while the alias names a version without its tag: the last good one answers and says so, until the tag is there', async () => {
  expect((await answer('Arsenal', 'Chelsea')).model).toMatchObject({ version: '1' });
  // As a machine that is started again later: no process runs, and the state is there.
  await kickoff.stop();
  await registry.tag('2', digestTag, undefined);
  await registry.alias('Production', '2');
  await kickoff.start();
  expect(functions.flatMap((name) => kickoff.pids(name))).toEqual([]);

  const response = await ask('Arsenal', 'Everton');
  expect([response.status, response.headers.get('kickoff-model-refused')]).toEqual([200, '2']);
  expect(await response.json()).toMatchObject({ model: { version: '1', refused: '2' } });
  const model: unknown = await (await fetch(`${kickoff.url}/v1/model`)).json();
  expect(model).toMatchObject({
    ...{
      version: '1',
      refused: '2',
      refusedReason: expect.stringMatching(/no tag kickoff\.digest/) as unknown,
    },
  });

  await registry.tag('2', digestTag, tag);
  await until(async () => (await (await fetch(`${kickoff.url}/v1/model`)).text()).includes('"version":"2"'), {
    deadline: 10_000,
    every: 200,
    what: 'the mended version is taken',
  });
  await until(async () => (await answer('Arsenal', 'Leeds')).model.version === '2', {
    deadline: 10_000,
    every: 200,
    what: 'the mended version answers',
  });
  const mended = await ask('Arsenal', 'Fulham');
  expect(mended.headers.get('kickoff-model-refused')).toBeNull();
  expect(((await mended.json()) as Answer).model).not.toHaveProperty('refused');
}, 60_000);

test('every process ends while the alias names such a version, and it moves back under load: nobody gets a 202', async () => {
  await answer('Arsenal', 'Chelsea');
  const { teams } = (await (await fetch(`${kickoff.url}/v1/teams?league=ENG1`)).json()) as {
    teams: { name: string }[];
  };
  const names = teams.map(({ name }) => name);
  const pairs = names.flatMap((home) => names.filter((away) => away !== home).map((away) => [home, away]));
  const statuses: number[] = [];
  const refused: (string | undefined)[] = [];
  const load = startLoad([0, 1, 2, 3, 4, 5, 6, 7], async () => {
    const [home = '', away = ''] = pairs.pop() ?? [];
    if (home === '') throw new Error('all are asked');
    const response = await ask(home, away);
    statuses.push(response.status);
    const { model } = (await response.json()) as Partial<Answer>;
    refused.push(model?.refused);
    // Each match is asked once, so that all answers are made anew: this many last for the whole test.
    await wait(150);
  });
  await registry.tag('2', digestTag, undefined);
  await registry.alias('Production', '2');
  await until(() => refused.includes('2'), { what: 'answers say that it is refused' });
  for (const pid of kickoff.pids('predict')) process.kill(pid, 'SIGKILL');
  const before = statuses.length;
  await until(() => statuses.length > before + 60, {
    deadline: 30_000,
    what: 'answers after predict has ended',
  });
  await registry.alias('Production', '1');
  await until(() => refused.slice(-8).every((one) => one === undefined), {
    deadline: 15_000,
    what: 'no answer says any more that it is refused',
  });
  await load.stop();
  console.log(`${statuses.length} answers, ${refused.filter(Boolean).length} by the last good version`);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
}, 90_000);
