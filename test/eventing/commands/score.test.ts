import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { compare, compareVersions } from '../../../eventing/commands/compare.ts';
import { said } from '../../../eventing/commands/said.ts';
import { score } from '../../../eventing/commands/score.ts';
import { paired, scoreOf } from '../../../eventing/commands/scoring/scoring.ts';
import type { Forecast } from '../../../functions/shared/store/history.ts';
import type { ModelRef, Prediction } from '../../../functions/shared/prediction.ts';
import { openStore } from '../../../functions/shared/store/open.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-score-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const days = 86_400_000;
const now = Date.now();
const date = (offset: number): string => new Date(now + offset * days).toISOString().slice(0, 10);
const header = 'date,league,kickoff,home,away,home_goals,away_goals,awarded';
const model = (version: string): ModelRef => ({
  ...{ name: 'match-outcome', version, digest: version.repeat(64), ratingsAsOf: date(-30) },
});
const forecast = (home: number, draw: number): Forecast => ({
  probabilities: { home, draw, away: 1 - home - draw },
  expectedGoals: { home: 1, away: 1 },
});
const prediction = (away: string, home: number, draw: number): Prediction => ({
  ...{ home: 'Arsenal', away, league: 'ENG1', ...forecast(home, draw) },
  markets: { over15: 0, over25: 0, over35: 0, bothTeamsScore: 0 },
});

let url: string;
let n = 0;
let printed: string[];
let complained: string[];
beforeEach(async () => {
  url = `sqlite:${folder}/${n++}.db`;
  const store = await openStore(url);
  await store.history.add({
    ...{ model: model('1'), now: now - 10 * days },
    predictions: [prediction('Chelsea', 0.5, 0.3), prediction('Everton', 0.6, 0.2)],
  });
  // Said the day after the match against Chelsea.
  await store.history.add({
    ...{ model: model('2'), now: now - 4 * days },
    predictions: [prediction('Chelsea', 1, 0), prediction('Everton', 0.2, 0.2)],
  });
  await store.close();
  printed = [];
  complained = [];
});

function file(...rows: string[]): string {
  const name = path.join(folder, `results-${n}.csv`);
  writeFileSync(name, `${rows.join('\n')}\n`);
  return name;
}
const command = (...args: string[]) => ({
  ...{ args, env: { STORE_URL: url } },
  print: (line: string): void => void printed.push(line),
  complain: (line: string): void => void complained.push(line),
});
const played = [
  `${date(-5)},ENG1,15:00,Arsenal,Chelsea,2,0,0`,
  `${date(-2)},ENG1,,Arsenal,Everton FC,0,1,0`,
  `${date(-2)},ENG1,,Chelsea,Arsenal,0,1,0`,
];

describe('score refuses', () => {
  test.each([
    [['--what'], /--help/],
    [[], /takes one RESULTS.csv/],
    [['/nowhere.csv'], /cannot be read/],
  ])('%j', async (args, why) => {
    expect(await score(command(...args))).toBe(2);
    expect(complained.join()).toMatch(why);
  });

  test.each([
    ['date,home,away', /:1: no column home_goals, away_goals/],
    [`${header},odds`, /:1: unknown column odds/],
  ])('a table with the header %s', async (head, why) => {
    expect(await score(command(file(head)))).toBe(2);
    expect(complained.join()).toMatch(why);
  });

  test('a store that is not there', async () => {
    const results = file(header);
    const elsewhere = { ...command(results), env: { STORE_URL: `sqlite:${folder}/none.db` } };
    expect(await score(elsewhere)).toBe(2);
  });
});

test('bad lines are named by number, the others are scored, and the exit code says so', async () => {
  const bad = [
    [`${date(-2)},ENG1,,Arsenal,Nowhere Town,0,1,0`, 'away: unknown team "Nowhere Town"'],
    [`${date(-2)},ENG1,,Arsenal,Arsenal,0,1,0`, 'is the home team too'],
    [`${date(-2)},ENG1,,Arsenal,Everton,-1,1,0`, 'home_goals "-1" is no number of goals'],
    [`${date(-2)},ENG1,,Arsenal,Everton,31,1,0`, 'is more than 30 goals'],
    [`2026-02-30x,ENG1,,Arsenal,Everton,1,1,0`, 'is no date'],
    [`${date(-2)},ENG1,25:00,Arsenal,Everton,1,1,0`, 'is no time'],
    [`${date(-2)},ENG1,Arsenal`, 'has 3 cells, not 8'],
    [played[0] ?? '', 'is line 2 again'],
  ];
  const name = file(header, ...played, ...bad.map(([row]) => row ?? ''));
  expect(await score(command(name, '--json'))).toBe(1);
  expect(complained).toHaveLength(bad.length);
  for (const [at, [, why = '']] of bad.entries()) {
    expect(complained[at]).toContain(`${name}:${at + 2 + played.length}: `);
    expect(complained[at]).toContain(why);
  }
  expect(JSON.parse(printed[0] ?? '')).toMatchObject({ results: 3, badLines: bad.length });
});

test('only what was said before a match counts, version by version, against results by any spelling', async () => {
  expect(
    await score(command(file(header, ...played, `${date(-2)},ENG1,,Arsenal,Fulham,0,3,1`), '--json')),
  ).toBe(0);
  const { versions, ...counts } = JSON.parse(printed[0] ?? '') as { versions: object[] };
  expect(counts).toEqual({ results: 3, unpredicted: 1, badLines: 0 });
  expect(versions).toEqual([
    {
      ...{
        model: model('1'),
        matches: 2,
        logLoss: expect.closeTo((-Math.log(0.5) - Math.log(0.2)) / 2, 9) as number,
      },
      rps: expect.closeTo(((0.5 ** 2 + 0.2 ** 2) / 2 + (0.6 ** 2 + 0.8 ** 2) / 2) / 2, 9) as number,
    },
    {
      model: model('2'),
      matches: 1,
      logLoss: expect.closeTo(-Math.log(0.6), 9) as number,
      rps: expect.closeTo(0.1, 9) as number,
    },
  ]);
  expect(await score(command(file(header, ...played)))).toBe(0);
  expect(printed.slice(1).join('\n')).toMatch(
    /3 results, 1 of them not predicted[^]*version 1 \(1{12}.*n 2 {2}log-loss 1\.1513/,
  );
});

test('a match that nobody predicted before it began is exit 1', async () => {
  expect(await score(command(file(header, played[2] ?? '')))).toBe(1);
});

describe('said refuses', () => {
  test.each([
    [['Arsenal'], /takes HOME and AWAY/],
    [['Arsenal', 'Nowhere Town'], /away: unknown team "Nowhere Town"/],
    [['--what'], /--help/],
  ])('%j', async (args, why) => {
    expect(await said(command(...args))).toBe(2);
    expect(complained.join()).toMatch(why);
  });
});

test('what each version said of a match is shown with its time, by any spelling of the teams', async () => {
  expect(await said(command('Chelsea', 'Arsenal'))).toBe(1);
  expect(await said(command('arsenal', 'Chelsea FC'))).toBe(0);
  expect(printed.slice(1).map((line) => line.replace(/^\S+/, (time) => time.slice(0, 10)))).toEqual([
    `${date(-10)}  version 1 (111111111111, ratings as of ${date(-30)})  ENG1  home 50.0 %, draw 30.0 %, away 20.0 %  expected goals 1.00 to 1.00`,
    `${date(-4)}  version 2 (222222222222, ratings as of ${date(-30)})  ENG1  home 100.0 %, draw 0.0 %, away 0.0 %  expected goals 1.00 to 1.00`,
  ]);
  expect(await said(command('Arsenal', 'Chelsea', '--json'))).toBe(0);
  expect(JSON.parse(printed.at(-1) ?? '')).toMatchObject([{ model: model('1') }, { model: model('2') }]);
});

test('compare: nothing to compare is exit 1; agreement without results; both scored on the same matches with them', async () => {
  expect(await compare(command())).toBe(1);
  const store = await openStore(url);
  const pair = (away: string, champion: Forecast, challenger: Forecast) => ({
    ...{ home: 'Arsenal', away, league: 'ENG1', champion, challenger },
  });
  const pairs = [
    pair('Chelsea', forecast(0.5, 0.3), forecast(0.6, 0.3)),
    pair('Everton', forecast(0.6, 0.2), forecast(0.2, 0.2)),
    pair('Fulham', forecast(0.6, 0.2), forecast(0.6, 0.2)),
  ];
  await store.history.shadow({ champion: model('1'), challenger: model('3'), pairs, now: now - 10 * days });
  await store.close();
  expect(await compare(command('--json'))).toBe(0);
  expect(JSON.parse(printed[1] ?? '')).toEqual([
    {
      ...{ champion: model('1'), challenger: model('3') },
      agreement: {
        matches: 3,
        sameFavourite: 2 / 3,
        meanDifference: expect.closeTo(0.5 / 3, 9) as number,
        largest: {
          home: 'Arsenal',
          away: 'Everton',
          league: 'ENG1',
          difference: expect.closeTo(0.4, 9) as number,
        },
      },
    },
  ]);
  expect(await compare(command(file(header, ...played)))).toBe(0);
  expect(printed.slice(2).join('\n')).toMatch(
    /challenger version 3 against 1: 3 matches, same favourite 66\.7 %[^]*n 2\n.*log-loss 0\.5108 against 1\.1513, paired -0\.64\d+ \[-\d\.\d+, \d\.\d+\]/,
  );
  expect(await compare(command('a', 'b'))).toBe(2);
});

test('scores and intervals are what they are by hand', () => {
  const drawn = { goals: { home: 1, away: 1 } };
  expect(scoreOf(forecast(0.5, 0.3), drawn)).toEqual({
    logLoss: expect.closeTo(-Math.log(0.3), 9) as number,
    rps: expect.closeTo((0.5 ** 2 + 0.2 ** 2) / 2, 9) as number,
  });
  expect(paired([1])).toEqual({ difference: 1, from: null, to: null });
  const { difference, from, to } = paired([1, 2, 3]);
  expect([difference, from, to]).toEqual([2, 2 - 1.96 / Math.sqrt(3), 2 + 1.96 / Math.sqrt(3)]);
  const nothing = { champion: model('1'), challenger: model('2'), pairs: [] };
  expect(compareVersions(nothing, []).scored).toBeUndefined();
});
