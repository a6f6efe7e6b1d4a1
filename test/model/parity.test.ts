import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { python } from '../needs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const shipped = path.join(root, 'model/registry/match-outcome/1');
const results = path.join(root, '../shared/data/matches.csv');
const need = await python('model/requirements-dev.txt');

const Teams = v.object({
  leagues: v.array(v.object({ id: v.string() })),
  teams: v.array(
    v.object({
      name: v.string(),
      league: v.nullable(v.string()),
      aliases: v.array(v.string()),
    }),
  ),
});

type Fixture = { home: string; away: string; league: string };

/** Every distinct fixture of the results file; the columns used hold no quotes or commas. */
function played(): Fixture[] {
  if (!existsSync(results)) return [];
  const [header = '', ...lines] = readFileSync(results, 'utf8').trimEnd().split('\n');
  const columns = header.split(',');
  const keys = new Map<string, Fixture>();
  for (const line of lines) {
    const values = line.split(',');
    const value = (name: string) => values[columns.indexOf(name)] ?? '';
    const fixture = { home: value('home'), away: value('away'), league: value('league') };
    keys.set(Object.values(fixture).join(), fixture);
  }
  return [...keys.values()];
}

/** Each alias and name of the artifact in its league and in none, and names and leagues that nobody knows. */
function spelled(): Fixture[] {
  const { teams } = v.parse(Teams, JSON.parse(readFileSync(path.join(shipped, 'teams.json'), 'utf8')));
  const known = teams.flatMap(({ name, league, aliases }) =>
    [name, ...aliases].flatMap((home) => [
      { home, away: 'Spurs', league: league ?? '' },
      { home: 'Bayern', away: home, league: 'ITA2' },
    ]),
  );
  const unknown = ['', 'Nobody', 'arsenal', 'Ärsenal', '日本', 'x'.repeat(10_000)];
  const odd = unknown.flatMap((name) => [
    { home: name, away: 'Arsenal', league: '' },
    { home: 'Arsenal', away: name, league: 'ENG1' },
    { home: name, away: name, league: name },
  ]);
  return [...known, ...odd];
}

const fixtures = [...played(), ...spelled()];
const columns = {
  home: fixtures.map(({ home }) => home),
  away: fixtures.map(({ away }) => away),
  league: fixtures.map(({ league }) => league),
};
const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-parity-'));
let session: InferenceSession | undefined;

beforeAll(async () => {
  session = await InferenceSession.create(path.join(shipped, 'model.onnx'), {
    intraOpNumThreads: 1,
  });
});
afterAll(async () => {
  await session?.release();
  rmSync(folder, { recursive: true });
});

test.skipIf('missing' in need)(
  `Node and Python agree to 1e-6 on all five outputs of ${fixtures.length} fixtures`,
  async () => {
    if ('missing' in need || !session) return;
    const script = path.join(import.meta.dirname, 'predict_all.py');
    const run = spawnSync(need.path, [script, path.join(shipped, 'model.onnx'), folder], {
      input: JSON.stringify(columns),
      encoding: 'utf8',
      timeout: 100_000,
    });
    expect(run.status, run.stderr).toBe(0);

    const inputs = Object.fromEntries(
      Object.entries(columns).map(([name, values]) => [name, new Tensor('string', values, [values.length])]),
    );
    const outputs = await session.run(inputs);
    expect(Object.keys(outputs)).toEqual(['probs', 'xg', 'markets', 'scoreline', 'known']);
    const n = fixtures.length;
    expect(Object.values(outputs).map(({ dims }) => dims)).toEqual([
      [n, 3],
      [n, 2],
      [n, 4],
      [n, 11, 11],
      [n],
    ]);
    for (const [name, { data }] of Object.entries(outputs)) {
      const bytes = new Uint8Array(readFileSync(path.join(folder, name))).buffer;
      if (data instanceof Float32Array)
        expect(furthest(data, new Float32Array(bytes)), name).toBeLessThanOrEqual(1e-6);
      else expect(data, name).toEqual(new Uint8Array(bytes));
    }
  },
  120_000,
);

/** The largest difference of two equally long lists; infinite when one holds a value that is no number. */
function furthest(one: Float32Array, other: Float32Array): number {
  expect(one.length).toBe(other.length);
  let largest = 0;
  for (const [index, value] of one.entries()) {
    const difference = Math.abs(value - (other[index] ?? Number.NaN));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
