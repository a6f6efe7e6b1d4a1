import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../functions/shared/store.ts';
import { debian } from '../needs.ts';
import { startRedis } from '../servers/redis.ts';
import { storeConformance } from './conformance.ts';

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
  test('refuses a folder where a file should be', async () => {
    await expect(openStore(`sqlite:${folder}`)).rejects.toThrow('cannot be opened');
  });
});

let n = 0;
storeConformance('SQLite', async () => {
  const url = `sqlite:${folder}/${n++}.db`;
  return {
    url,
    store: await openStore(url),
    another: () => openStore(url),
    brief: () => openStore(url, { kept: brief }),
  };
});

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
  storeConformance('Redis', async () => {
    await admin.flushall();
    const { url } = server;
    return {
      url,
      store: await openStore(url),
      another: () => openStore(url),
      brief: () => openStore(url, { kept: brief }),
    };
  });
});
