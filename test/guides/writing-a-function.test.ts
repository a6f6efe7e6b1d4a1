import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { completedType } from '../../functions/shared/events/events.ts';
import { freePort } from '../servers/free-port.ts';
import { until } from '../until.ts';
import { end, listens, ready, type Running, start } from '../servers/process.ts';

const root = path.resolve(import.meta.dirname, '../..');
let folder: string;
let running: Running;
let url: string;

/** The function that docs/writing-a-function.md makes, as a process. */
beforeAll(async () => {
  const guide = await readFile(path.join(root, 'docs/writing-a-function.md'), 'utf8');
  folder = await mkdtemp(path.join(tmpdir(), 'kickoff-guide-'));
  const source = path.join(folder, 'functions/upsets/src');
  await mkdir(source, { recursive: true });
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  await symlink(path.join(root, 'functions/shared'), path.join(folder, 'functions/shared'));
  for (const [, file = '', text = ''] of guide.matchAll(/^`src\/(\w+\.ts)`:\n\n```ts\n(.*?)^```/gms))
    await writeFile(path.join(source, file), text);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  running = start(process.execPath, [path.join(source, 'main.ts')], {
    ADDRESS: '127.0.0.1',
    PORT: String(port),
    METRICS_PORT: String(await freePort()),
  });
  await ready(running, () => listens(port), 20_000);
}, 30_000);
afterAll(async () => {
  await end(running, 'SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

const post = async (body: string): Promise<number> =>
  (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/cloudevents+json' }, body }))
    .status;

test('the function of the guide logs what is no event, and takes it', async () => {
  expect(await post('nothing')).toBe(202);
  await until(() => running.output().includes('dropped: no completed event'));
});

test('the function of the guide does what the guide says', async () => {
  const prediction = {
    ...{ home: 'Southampton', away: 'Liverpool', league: 'ENG1' },
    probabilities: { home: 0.05, draw: 0.11, away: 0.84 },
    expectedGoals: { home: 0.7, away: 2.6 },
    markets: { over15: 0.83, over25: 0.63, over35: 0.41, bothTeamsScore: 0.47 },
  };
  const data = {
    model: { name: 'match-outcome', version: '1', digest: 'd', ratingsAsOf: '2025-05-31' },
    outcomes: [
      { id: '7f6c0e6e-8d0a-4f0e-9a53-5a3a3b1f2c11', fingerprint: '-'.repeat(12), status: 'done', prediction },
    ],
  };
  const event = { specversion: '1.0', id: '1', source: '/test', type: completedType, data };
  expect(await post(JSON.stringify(event))).toBe(202);
  await until(() => /the away team is the favourite.*Southampton/.test(running.output()));
});
