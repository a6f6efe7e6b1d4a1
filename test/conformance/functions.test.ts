import { afterAll, beforeAll, describe } from 'vitest';
import { debian } from '../needs.ts';
import { type Redis, startRedis } from '../servers/redis.ts';
import { functionsConformance } from './functions.ts';
import { startProcessWorld } from './world.ts';

functionsConformance('in process, on SQLite', () => startProcessWorld());

const need = await debian('redis-server', 'redis-server');

describe.skipIf('missing' in need)('with a Redis', () => {
  let redis: Redis;
  beforeAll(async () => {
    if (!('missing' in need)) redis = await startRedis(need.path);
  });
  afterAll(() => redis.remove());

  functionsConformance('in process, on Redis', () => startProcessWorld({ storeUrl: redis.url }));
});
