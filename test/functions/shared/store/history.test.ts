import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Forecast, maxPairs, type ShadowPair } from '../../../../functions/shared/store/history.ts';
import type { ModelRef, Prediction } from '../../../../functions/shared/prediction.ts';
import { openStore } from '../../../../functions/shared/store/open.ts';
import { type Store, StoreUnavailable } from '../../../../functions/shared/store/store.ts';
import { debian } from '../../../needs.ts';
import { startRedis } from '../../../servers/redis.ts';
import { until } from '../../../until.ts';

const model = (version: string): ModelRef => ({
  ...{ name: 'match-outcome', version, digest: version.repeat(64).slice(0, 64), ratingsAsOf: '2025-05-31' },
});
const forecast = (home: number): Forecast => ({
  probabilities: { home, draw: 0.25, away: 0.75 - home },
  expectedGoals: { home: 1.5, away: 1.1 },
});
const prediction = (home: number, away = 'Chelsea'): Prediction => ({
  ...{ home: 'Arsenal', away, league: 'ENG1', ...forecast(home) },
  markets: { over15: 0.7, over25: 0.5, over35: 0.3, bothTeamsScore: 0.5 },
});
const pair = (away: string): ShadowPair => ({
  ...{ home: 'Arsenal', away, league: 'ENG1', champion: forecast(0.5), challenger: forecast(0.6) },
});

function historyConformance(name: string, open: (kept?: { history: number }) => Promise<Store>): void {
  describe(`history on ${name}`, () => {
    let store: Store;
    const now = Date.now();
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    test('of a match nobody asked for there is nothing, and nothing was compared', async () => {
      expect(await store.history.of('Arsenal', 'Chelsea')).toEqual([]);
      expect(await store.history.shadows()).toEqual([]);
      await store.history.add({ model: model('1'), predictions: [], now });
    });

    test('what each version said of a match stays as it was said first, by ground and league', async () => {
      await store.history.add({
        model: model('1'),
        predictions: [prediction(0.5), prediction(0.1, 'Ajax')],
        now,
      });
      await store.history.add({ model: model('2'), predictions: [prediction(0.6)], now: now + 1 });
      await store.history.add({ model: model('1'), predictions: [prediction(0.5)], now: now + 2 });
      const match = { home: 'Arsenal', away: 'Chelsea', league: 'ENG1' };
      expect(await store.history.of('Arsenal', 'Chelsea')).toEqual([
        { ...match, model: model('1'), made: now, forecast: forecast(0.5) },
        { ...match, model: model('2'), made: now + 1, forecast: forecast(0.6) },
      ]);
      expect(await store.history.of('Chelsea', 'Arsenal')).toEqual([]);
      expect(await store.audit()).toMatchObject({ accepted: 0, done: 0 });
    });

    test('what was said of a match in two leagues is kept for each, also when both come at once', async () => {
      const other = { ...prediction(0.4), league: 'ENG2' };
      await store.history.add({ model: model('1'), predictions: [prediction(0.5), other], now });
      await store.history.add({
        model: model('1'),
        predictions: [other, { ...other, league: 'EN' }],
        now: now + 1,
      });
      const said = await store.history.of('Arsenal', 'Chelsea');
      expect(said.map(({ league, made }) => [league, made - now])).toEqual([
        ['ENG1', 0],
        ['ENG2', 0],
        ['EN', 1],
      ]);
    });

    test('what was said first stays when half of its time is over', async () => {
      const history = 4000;
      const half = (): number => Math.floor(Date.now() / (history / 2));
      const brief = await open({ history });
      const first = { at: Date.now(), half: half() };
      await brief.history.add({ model: model('1'), predictions: [prediction(0.5)], now: first.at });
      await until(() => half() > first.half);
      await brief.history.add({ model: model('1'), predictions: [prediction(0.5)], now: Date.now() });
      expect((await brief.history.of('Arsenal', 'Chelsea')).map(({ made }) => made)).toEqual([first.at]);
      await brief.close();
    });

    test('a challenger is compared match by match, each once, and never beyond the limit', async () => {
      const versions = { champion: model('1'), challenger: model('2') };
      await store.history.shadow({ ...versions, pairs: [pair('Ajax'), pair('Ajax'), pair('Chelsea')], now });
      await store.history.shadow({ ...versions, pairs: [pair('Chelsea')], now: now + 5 });
      const [compared, ...others] = await store.history.shadows();
      expect(others).toEqual([]);
      expect(compared).toMatchObject(versions);
      expect(compared?.pairs.toSorted((a, b) => a.away.localeCompare(b.away))).toEqual(
        ['Ajax', 'Chelsea'].map((away) => ({ ...pair(away), made: now })),
      );
      await store.history.shadow({
        ...versions,
        challenger: model('3'),
        pairs: [pair('Ajax')],
        now: now + 9,
      });
      expect((await store.history.shadows()).map(({ challenger }) => challenger.version)).toEqual(['3', '2']);
      for (let first = 0; first < maxPairs + 1000; first += 1000) {
        const pairs = Array.from({ length: 1000 }, (_, n) => pair(`Team ${first + n}`));
        await store.history.shadow({ ...versions, pairs, now });
      }
      expect((await store.history.shadows())[1]?.pairs).toHaveLength(maxPairs);
    });

    test('what is older than its time is gone', async () => {
      const brief = await open({ history: 30 });
      await brief.history.add({ model: model('1'), predictions: [prediction(0.5)], now: Date.now() });
      await until(async () => (await brief.history.of('Arsenal', 'Chelsea')).length === 0);
      await brief.close();
    });
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'history-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let n = 0;
historyConformance('SQLite', (kept) => openStore(`sqlite:${folder}/${n++}.db`, kept ? { kept } : {}));

const need = await debian('redis-server', 'redis-server');
describe.skipIf('missing' in need)('Redis', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis('path' in need ? need.path : '');
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.remove();
  });
  historyConformance('Redis', async (kept) => {
    await admin.flushall();
    return openStore(server.url, kept ? { kept } : {});
  });

  test('a Redis that is away is said to be', async () => {
    const store = await openStore('redis://127.0.0.1:1');
    await expect(store.history.of('Arsenal', 'Chelsea')).rejects.toThrow(StoreUnavailable);
    await store.close();
  });
});
