import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { scripts } from '../../../../../functions/shared/store/redis/scripts.ts';
import { debian } from '../../../../needs.ts';
import { startRedis } from '../../../../servers/redis.ts';

const need = await debian('redis-server', 'redis-server');

describe.skipIf('missing' in need)('the scripts of the Redis store', () => {
  test('Redis takes each of them, and refuses what is no Lua', async () => {
    const server = await startRedis('path' in need ? need.path : '');
    onTestFinished(() => server.remove());
    const redis = new Redis(server.url);
    onTestFinished(() => {
      redis.disconnect();
    });
    await expect(redis.script('LOAD', `${scripts.find}\nend`)).rejects.toThrow(/compiling script/);
    for (const script of Object.values(scripts))
      expect(await redis.script('LOAD', script)).toMatch(/^[0-9a-f]{40}$/);
  });
});
