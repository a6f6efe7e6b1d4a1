import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { debian } from '../needs.ts';
import { startRedis } from '../servers/redis.ts';
import { bytesOf, redisManifest } from './redis.ts';

const need = await debian('redis-server', 'redis-server');
const replica = path.resolve(import.meta.dirname, '../../manifests/overlays/ha/redis-replica.yaml');

const setting = (config: string, name: string): string =>
  new RegExp(`^${name} (.+)$`, 'm').exec(config)?.[1] ?? '0';

/** The bytes that Redis may have in memory by its configuration, at the worst. What was measured is less (docs/performance.md). */
function worst(config: string): number {
  const data = bytesOf(setting(config, 'maxmemory'));
  const clients = bytesOf(setting(config, 'maxmemory-clients'));
  const [copies = '0'] = setting(config, 'client-output-buffer-limit replica').split(' ');
  const backlog = bytesOf(setting(config, 'repl-backlog-size'));
  // A tenth for the allocator, a quarter of the data for copy-on-write, 16 MiB of Lua, 8 of the program.
  return 1.1 * (data + clients) + 0.25 * data + bytesOf(copies) + backlog + 24 * 2 ** 20;
}

test('a configuration without bounds would have been found', () => {
  expect(worst('maxmemory 160mb\nmaxmemory-clients 48mb\nrepl-backlog-size 8mb')).toBeGreaterThan(
    256 * 2 ** 20,
  );
});

test.each([
  ['Redis', undefined],
  ['the copy of it in ha', replica],
])('what the configuration allows fits into the memory of %s', (_, file) => {
  const { config, memory, cores } = redisManifest(file);
  for (const bound of ['maxmemory', 'maxmemory-clients', 'client-query-buffer-limit', 'repl-backlog-size'])
    expect(bytesOf(setting(config, bound)), bound).toBeGreaterThan(2 ** 20);
  for (const kind of ['normal', 'pubsub', 'replica'])
    expect(setting(config, `client-output-buffer-limit ${kind}`), kind).toMatch(
      /^[1-9]\d*mb [1-9]\d*mb \d+$/,
    );
  expect(setting(config, 'maxmemory-policy')).toBe('noeviction');
  expect(worst(config)).toBeLessThan(memory);
  // One runs scripts, one rewrites the file.
  expect(cores).toBeGreaterThanOrEqual(2);
});

describe.skipIf('missing' in need)('a real Redis', () => {
  test('takes the configuration', async () => {
    const { config } = redisManifest();
    const folder = mkdtempSync(path.join(tmpdir(), 'redis-conf-'));
    const file = path.join(folder, 'redis.conf');
    writeFileSync(file, config.replace(/^dir .*$/m, ''));
    const server = await startRedis('path' in need ? need.path : '', { file });
    onTestFinished(async () => {
      await server.remove();
      rmSync(folder, { recursive: true });
    });
    const redis = new Redis(server.url);
    onTestFinished(() => {
      redis.disconnect();
    });
    for (const name of ['maxmemory', 'maxmemory-clients', 'client-query-buffer-limit', 'repl-backlog-size'])
      expect(await redis.config('GET', name)).toEqual([name, String(bytesOf(setting(config, name)))]);
    expect(await redis.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
  });
});
