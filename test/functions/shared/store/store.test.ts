import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../../functions/shared/store/open.ts';
import { hashOf, matchKey, predictionKey } from '../../../../functions/shared/store/sqlite/texts.ts';
import { debian } from '../../../needs.ts';
import { startRedis } from '../../../servers/redis.ts';
import { bindingConformance } from './binding-conformance.ts';
import { type Opened, storeConformance } from './conformance.ts';
import { expiryConformance } from './expiry-conformance.ts';
import { sweepConformance } from './sweep-conformance.ts';
import { digest, done, doneText, model, single, uuid } from './fixtures.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'store-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const brief = { result: 30, id: 500, prediction: 30, claim: 30, deadLetter: 30, flight: 30 };

describe('openStore', () => {
  test.each(['', 'store.db', 'postgres://h/d', 'SQLITE:x', 'sqlite:'])(
    'refuses %j with the list',
    async (url) => {
      await expect(openStore(url)).rejects.toThrow(/sqlite:path/);
    },
  );
  test.each(['redis://127.0.0.1:99999', 'redis://user:secret%zz@127.0.0.1'])(
    'refuses %s, and does not repeat what may be a password',
    async (url) => {
      const error: unknown = await openStore(url).catch((thrown: unknown) => thrown);
      expect(String(error)).toContain('STORE_URL is not a Redis URL');
      expect(String(error)).not.toContain('secret');
    },
  );
  test('refuses a folder that does not exist, and names it', async () => {
    await expect(openStore(`sqlite:${folder}/none/x.db`)).rejects.toThrow(
      `the folder ${folder}/none does not exist`,
    );
  });
  test('refuses a file that is not a database', async () => {
    const file = path.join(folder, 'text');
    writeFileSync(file, 'something else, and longer than the header of a database is '.repeat(50));
    await expect(openStore(`sqlite:${file}`)).rejects.toThrow('not an SQLite database');
  });
  // /proc takes no file from anyone, root included.
  test.skipIf(process.platform !== 'linux')('refuses a file that it may not write, and says so', async () => {
    await expect(openStore('sqlite:/proc/store.db')).rejects.toThrow('/proc/store.db: cannot be opened');
    await expect(openStore('sqlite:/proc/version')).rejects.toThrow('/proc/version: ');
  });
  test('refuses a file of another layout, and leaves it as it is', async () => {
    const file = path.join(folder, 'older.db');
    const older = new DatabaseSync(file);
    older.exec("CREATE TABLE jobs (id TEXT PRIMARY KEY, size INTEGER); INSERT INTO jobs VALUES ('x', 1)");
    const refused = expect(openStore(`sqlite:${file}`)).rejects;
    await refused.toThrow(`${file}: the file is no store of this version of Kickoff (its layout is 0`);
    expect(older.prepare('SELECT count(*) AS jobs FROM jobs').get()).toEqual({ jobs: 1 });
    older.close();
  });
  test('refuses a folder where a file should be', async () => {
    await expect(openStore(`sqlite:${folder}`)).rejects.toThrow('cannot be opened');
  });
});

let n = 0;
const openSqlite = async (): Promise<Opened> => {
  const url = `sqlite:${folder}/${n++}.db`;
  return {
    url,
    store: await openStore(url),
    another: () => openStore(url),
    brief: () => openStore(url, { kept: brief }),
  };
};
storeConformance('SQLite', openSqlite);
bindingConformance('SQLite', openSqlite);
sweepConformance('SQLite', openSqlite);
expiryConformance('SQLite', openSqlite);

test('SQLite tells matches apart whose hashes are the same', async () => {
  const store = await openStore(`sqlite:${folder}/same.db`);
  const now = Date.now();
  const ask = (id: string, home: string) => store.accept([single(id, home)], { digest, now });
  const answer = async (id: string, home: string): Promise<void> => {
    const outcome = done({ id, home, away: 'Chelsea' });
    await store.complete({ model, outcomes: [outcome], now });
    const predictions = outcome.status === 'done' ? [outcome.prediction] : [];
    await store.history.add({ model, predictions, now });
  };
  const keys = [(home: string) => predictionKey(digest, { home, away: 'Chelsea', league: 'E0' }), matchKey];
  for (const [at, key] of keys.entries()) {
    const [one, other] = sameHash((home) => key(home, 'Chelsea'));
    await answer(uuid(10 * at), one);
    expect((await ask(uuid(10 * at + 1), other))[0]?.publish).toEqual([0]);
    expect(await store.history.of(other, 'Chelsea')).toEqual([]);
    await answer(uuid(10 * at + 1), other);
    for (const [n, home] of [one, other].entries()) {
      const [accepted] = await ask(uuid(10 * at + 2 + n), home);
      expect(accepted?.outcomes[0]).toMatchObject({ text: doneText(home), cached: true });
      expect(await store.history.of(home, 'Chelsea')).toMatchObject([{ home }]);
    }
  }
  await store.close();
});

/** Two names whose keys have the same hash. */
function sameHash(key: (name: string) => string): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; ; n++) {
    const name = ((n * 2_654_435_761) % 2 ** 32).toString(36);
    const hash = hashOf(key(name));
    const other = seen.get(hash);
    if (other !== undefined) return [other, name];
    seen.set(hash, name);
  }
}

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
  const open = async (): Promise<Opened> => {
    await admin.flushall();
    const { url } = server;
    return {
      url,
      store: await openStore(url),
      another: () => openStore(url),
      brief: () => openStore(url, { kept: brief }),
    };
  };
  storeConformance('Redis', open);
  bindingConformance('Redis', open);
  sweepConformance('Redis', open);
  expiryConformance('Redis', open);
});
