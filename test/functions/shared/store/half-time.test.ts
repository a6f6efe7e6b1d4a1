import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../../functions/shared/store/open.ts';
import type { Store } from '../../../../functions/shared/store/store.ts';
import { debian } from '../../../needs.ts';
import { startRedis } from '../../../servers/redis.ts';
import { until } from '../../../until.ts';
import { digest, done, model, single, uuid } from './fixtures.ts';

// The Redis store keeps by slices of half a time and more: what began in one must be met in the next.
const kept = { result: 4000, prediction: 4000 };
const half = (): number => Math.floor(Date.now() / 2000);

function acrossHalfTime(name: string, open: () => Promise<Store>): void {
  test(`${name}: a request in flight, a cached prediction and a result are met in the next half of their time`, async () => {
    const store = await open();
    const accept = async (id: string, home: string) =>
      (await store.accept([single(id, home)], { digest, now: Date.now() }))[0];
    const complete = (id: string, home: string) =>
      store.complete({ model, outcomes: [done({ id, home, away: 'Chelsea' })], now: Date.now() });

    const began = half();
    await accept(uuid(1), 'Arsenal');
    await accept(uuid(2), 'Liverpool');
    await complete(uuid(2), 'Liverpool');
    await until(() => half() > began);

    expect((await accept(uuid(3), 'Arsenal'))?.publish).toEqual([]);
    expect((await accept(uuid(4), 'Liverpool'))?.outcomes[0]?.cached).toBe(true);
    expect((await store.find(uuid(2))).status).toBe('done');
    await complete(uuid(1), 'Arsenal');
    expect((await store.find(uuid(1))).status).toBe('done');
    expect((await store.find(uuid(3))).status).toBe('done');
    expect(await store.audit()).toMatchObject({ accepted: 3, done: 3, open: 0, unaccounted: [] });
    await store.close();
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'half-time-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
acrossHalfTime('SQLite', () => openStore(`sqlite:${folder}/store.db`, { kept }));

const need = await debian('redis-server', 'redis-server');
describe.skipIf('missing' in need)('', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    server = await startRedis('path' in need ? need.path : '');
  });
  afterAll(() => server.remove());
  acrossHalfTime('Redis', () => openStore(server.url, { kept }));
});
