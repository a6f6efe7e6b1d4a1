import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { onStoreOf } from '../../manifests/commands/store.ts';
import { debian } from '../needs.ts';
import { startRabbit, type Rabbit } from '../servers/rabbitmq.ts';
import { startRedis, type Redis } from '../servers/redis.ts';
import { until } from '../until.ts';
import { secretOf, startApi, type Api } from './platform.ts';

const root = path.resolve(import.meta.dirname, '../..');
const kubectl = await debian('kubectl', 'kubernetes-client');
const redisServer = await debian('redis-server', 'redis-server');
const rabbitServer = await debian('rabbitmq-server', 'rabbitmq-server');
const missing = [kubectl, redisServer, rabbitServer].some((need) => 'missing' in need);

describe.skipIf(missing)('commands on the store of a cluster', { timeout: 60_000 }, () => {
  const before = process.env['PATH'];
  let api: Api;
  let redis: Redis;
  let rabbit: Rabbit;

  beforeAll(async () => {
    if (!('path' in kubectl && 'path' in redisServer && 'path' in rabbitServer)) return;
    api = await startApi();
    redis = await startRedis(redisServer.path);
    rabbit = await startRabbit(rabbitServer.path);
    const amqp = await connect(rabbit.url);
    await (await amqp.createChannel()).assertQueue('ml.dead', { durable: true });
    await amqp.close();
    // The API server forwards no port: kubectl with the forwards that a cluster would give, to the real servers. They end with their process.
    const bin = path.join(api.folder, 'bin');
    mkdirSync(bin);
    const forward = `#!/bin/sh
case "$*" in
  *port-forward*service/redis*:6379) port=${new URL(redis.url).port} ;;
  *port-forward*service/rabbitmq*:5672) port=${new URL(rabbit.url).port} ;;
  *port-forward*) echo 'Error from server (NotFound): services not found' >&2; exit 1 ;;
  *) exec ${kubectl.path} "$@" ;;
esac
echo $$ >> ${bin}/forwards
echo "Forwarding from 127.0.0.1:$port -> 1"
exec sleep 600
`;
    writeFileSync(path.join(bin, 'kubectl'), forward, { mode: 0o755 });
    process.env['PATH'] = `${bin}:${before ?? ''}`;
  });
  afterAll(async () => {
    process.env['PATH'] = before;
    await rabbit.remove();
    await redis.remove();
    await api.close();
  });
  beforeEach(() => {
    api.objects.clear();
  });
  function install(): void {
    const amqp = new URL(rabbit.url);
    const of = (service: string, port: number): string => `${service}.kickoff.svc.cluster.local:${port}`;
    api.put(secretOf('store', { url: `redis://${of('redis', 6379)}` }));
    api.put(secretOf('amqp', { url: `amqp://${amqp.username}:${amqp.password}@${of('rabbitmq', 5672)}` }));
  }
  async function run(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const exit = await onStoreOf(root, {
      args,
      env: { STORE_URL: 'redis://127.0.0.1:1' },
      print: (text) => out.push(text),
      complain: (text) => err.push(text),
    });
    return { exit, out: out.join('\n'), err: err.join('\n') };
  }

  test('a cluster without the Secrets: which one is missing', async () => {
    expect(await run('audit', '--cluster')).toEqual({
      exit: 2,
      out: '',
      err: 'Secret kickoff/store has no url: npm run doctor -- --cluster says what is missing',
    });
  });

  test('audit asks Redis and RabbitMQ of the cluster, whatever the environment says, and closes its ways', async () => {
    install();
    const { exit, out, err } = await run('audit', '--cluster', '--json');
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ accepted: 0, untaken: 0, clean: true });
    const pids = readFileSync(path.join(api.folder, 'bin/forwards'), 'utf8').trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    const ended = (pid: number): boolean => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    };
    await until(() => pids.every(ended), { what: 'the port-forwards end' });
  });

  test('dead letters are listed without a Broker, and posted again only with one', async () => {
    install();
    expect(await run('dead-letters', 'list', '--cluster')).toMatchObject({ exit: 0, out: 'no dead letters' });
    const { exit, err } = await run('dead-letters', 'redrive', '--all', '--cluster');
    expect(exit).toBe(2);
    expect(err).toMatch(/^kubectl port-forward service\/kickoff-broker-ingress in kickoff: .*NotFound/);
  });

  test('without --cluster the environment counts; --help names both', async () => {
    install();
    expect(await run('audit')).toMatchObject({ exit: 2 });
    const { out } = await run('audit', '--help');
    for (const words of ['STORE_URL', '  --cluster  ', '\n\nExit code: 0']) expect(out).toContain(words);
  });
});
