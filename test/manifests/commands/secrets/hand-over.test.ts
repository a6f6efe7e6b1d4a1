import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis as Client } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { changedOf, prepareServers, renewReaders } from '../../../../manifests/commands/secrets/hand-over.ts';
import { newSecrets } from '../../../../manifests/commands/secrets/plan.ts';
import { debian } from '../../../needs.ts';
import { startRedis, type Redis } from '../../../servers/redis.ts';

const server = await debian('redis-server', 'redis-server');

const secrets = (): Record<string, Record<string, string>> =>
  Object.fromEntries(
    Object.entries(newSecrets('kickoff')).map(([name, { values }]) => [name, { ...values }]),
  );

describe.skipIf('missing' in server)('changed passwords, with a real Redis', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-hand-over-'));
  const calls = path.join(folder, 'calls');
  const before = process.env['PATH'];
  let redis: Redis;
  let said: string[];
  const say = (line: string): void => void said.push(line);
  const called = (): string => (existsSync(calls) ? readFileSync(calls, 'utf8') : '');
  const live = secrets();
  const answers = async (password: string): Promise<string> => {
    const client = new Client(redis.url, { password, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      return await client.ping();
    } catch (error) {
      return String(error);
    } finally {
      client.disconnect();
    }
  };

  beforeAll(async () => {
    if (!('path' in server)) return;
    redis = await startRedis(server.path);
    const client = new Client(redis.url);
    await client.config('SET', 'requirepass', live['redis']?.['password'] ?? '');
    client.disconnect();
    // kubectl with a pod of each server; a program in Redis' pod runs here, as in the pod.
    const program = `#!/bin/sh
echo "$*" >> ${calls}
case "$*" in
  "get pods"*name=rabbitmq*) echo pod/rabbitmq-0 ;;
  "get pods"*component=primary*) echo pod/redis-0 ;;
  "exec "*rabbitmqctl*) echo "stdin $(cat)" >> ${calls} ;;
  "exec "*redis-cli*) while [ "$1" != -- ]; do shift; done; shift 2; exec redis-cli -p ${new URL(redis.url).port} "$@" ;;
  "annotate "*brokers*) ;;
  "annotate "*) echo "error: the server doesn't have a resource type" >&2; exit 1 ;;
  "delete pods"*) echo 'pod "predict-1" deleted' ;;
  *) exit 9 ;;
esac
`;
    writeFileSync(path.join(folder, 'kubectl'), program, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${before ?? ''}`;
    process.env['REDISCLI_AUTH'] = live['redis']?.['password'];
  });
  afterAll(async () => {
    process.env['PATH'] = before;
    delete process.env['REDISCLI_AUTH'];
    await redis.remove();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    said = [];
    rmSync(calls, { force: true });
  });

  test('nothing has changed: no server is asked, and no pod ends', async () => {
    await prepareServers('kickoff', live, live, say);
    await renewReaders('kickoff', changedOf(live, live), say);
    expect({ said, called: called() }).toEqual({ said: [], called: '' });
    // A first installation: no server has an old one.
    await prepareServers('kickoff', {}, live, say);
    expect(changedOf({}, live)).toEqual([]);
    expect(called()).toBe('');
  });

  test('the user of a RabbitMQ with its volume cannot be another', async () => {
    const rabbitmq = { ...live['rabbitmq'], username: 'other', password: 'new' };
    await expect(prepareServers('kickoff', live, { ...live, rabbitmq }, say)).rejects.toThrow(
      /has user kickoff in its volume; only the password can change/,
    );
    expect(called()).not.toContain('exec');
  });

  test('RabbitMQ is told on its standard input; one elsewhere is not ours to change', async () => {
    const rabbitmq = { ...live['rabbitmq'], password: 'hunter2' };
    const elsewhere = { ...rabbitmq, uri: 'http://mq.queues.svc:15672' };
    await prepareServers('kickoff', live, { ...live, rabbitmq: elsewhere }, say);
    expect(called()).toBe('');
    await prepareServers('kickoff', live, { ...live, rabbitmq }, say);
    expect(called()).toMatch(
      /exec -i -n kickoff pod\/rabbitmq-0 --request-timeout=0 -- rabbitmqctl -q change_password kickoff\n/,
    );
    expect(called()).toContain('stdin hunter2\n');
    expect(called().match(/hunter2/g)).toHaveLength(1);
    // Of a cluster that has no source yet.
    await renewReaders('kickoff', ['rabbitmq'], say);
    expect(called()).toMatch(
      /^annotate --overwrite --all brokers\.eventing\.knative\.dev kickoff\.dev\/rabbitmq-changed=\d+ -n kickoff /m,
    );
    expect(called()).not.toContain('delete pods');
  });

  test('Redis takes the new and the old, and functions that read it start anew', async () => {
    const redisNow = { password: 'renewed~.-_' };
    const wanted = {
      ...live,
      redis: redisNow,
      store: { url: `redis://:${redisNow.password}@redis.kickoff.svc` },
    };
    expect(await answers(redisNow.password)).toMatch(/WRONGPASS/);
    await prepareServers('kickoff', live, wanted, say);
    expect(await answers(redisNow.password)).toBe('PONG');
    expect(await answers(live['redis']?.['password'] ?? '')).toBe('PONG');
    expect(called()).not.toContain(redisNow.password);
    await renewReaders('kickoff', changedOf(live, wanted), say);
    expect(called()).toMatch(/^delete pods -n kickoff -l serving.knative.dev\/service --wait=false/m);
    expect(said.at(-1)).toMatch(/rollout restart statefulset -l app.kubernetes.io\/name=redis$/);
  });
});
