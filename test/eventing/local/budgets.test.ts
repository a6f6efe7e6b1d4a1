import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debian } from '../../needs.ts';
import { type Kickoff, startKickoff } from '../../servers/kickoff.ts';
import { type Rabbit, startRabbit } from '../../servers/rabbitmq.ts';
import { type Redis as RedisServer, startRedis } from '../../servers/redis.ts';
import { until } from '../../until.ts';

const redisServer = await debian('redis-server', 'redis-server');
const rabbitServer = await debian('rabbitmq-server', 'rabbitmq-server');

/** What a request costs the servers behind Kickoff, in counts: times differ by machine, these do not. docs/performance.md reckons with them. */
describe.skipIf('missing' in redisServer || 'missing' in rabbitServer)('what a request costs', () => {
  let rabbit: Rabbit;
  let redis: RedisServer;
  let state: string;
  let kickoff: Kickoff;
  let monitor: Redis;
  let commands: string[] = [];
  beforeAll(async () => {
    if ('missing' in redisServer || 'missing' in rabbitServer) throw new Error('skipped');
    [redis, rabbit, state] = await Promise.all([
      startRedis(redisServer.path),
      startRabbit(rabbitServer.path),
      mkdtemp(path.join(tmpdir(), 'kickoff-budgets-')),
    ]);
    // Before Kickoff, and by a client that does not connect itself: ioredis breaks the monitor's connection where a command of another client follows MONITOR's OK in the same chunk.
    monitor = await new Redis(redis.url, { lazyConnect: true }).monitor();
    // What a script does inside is no round trip.
    monitor.on('monitor', (_: string, args: string[], source: string) => {
      if (source !== 'lua') commands.push(args[0] ?? '');
    });
    kickoff = await startKickoff(state, { LOG_LEVEL: 'warn', AMQP_URL: rabbit.url, STORE_URL: redis.url });
    await predict({ home: 'Arsenal', away: 'Chelsea' });
  });
  afterAll(async () => {
    monitor.disconnect();
    await kickoff.stop();
    await Promise.all([rabbit.remove(), redis.remove(), rm(state, { recursive: true, force: true })]);
  });

  async function predict(body: object): Promise<unknown> {
    const response = await fetch(`${kickoff.url}/v1/predictions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return response.json();
  }

  /** Messages that RabbitMQ has taken from publishers since it started. */
  async function published(): Promise<number> {
    const counters = await rabbit.ctl('eval', 'rabbit_global_counters:overview().');
    return Number(/\[\{protocol,amqp091\}\].*?messages_received_total\s*=>\s*(\d+)/s.exec(counters)?.[1]);
  }

  /** The least of three requests: the sweep's tick may fall into one of them. `last`: how many round trips to wait for, behind the answer. */
  async function cost(
    body: (n: number) => object,
    last: number,
  ): Promise<{ messages: number; roundTrips: number }> {
    const messages: number[] = [];
    const roundTrips: number[] = [];
    for (let n = 0; n < 3; n++) {
      const before = await published();
      commands = [];
      await predict(body(n));
      await until(() => commands.length >= last, { deadline: 5000, what: `${last} round trips` });
      messages.push((await published()) - before);
      roundTrips.push(commands.length);
    }
    return { messages: Math.min(...messages), roundTrips: Math.min(...roundTrips) };
  }

  const homes = ['Arsenal', 'Chelsea', 'Liverpool', 'Everton', 'Fulham', 'Brentford', 'Leeds', 'Burnley'];
  const fixtures = homes.flatMap((home) =>
    homes.flatMap((away) => (home === away ? [] : [{ home, away, kickoff: '2026-12-26' }])),
  );

  test('a miss: 3 messages, and 3 round trips to the store', async () => {
    const away = ['Wolves', 'Brighton', 'Sunderland'];
    expect(await cost((n) => ({ home: 'Arsenal', away: away[n] }), 3)).toEqual({
      messages: 3,
      roundTrips: 3,
    });
  });

  test('a list costs what one fixture costs', async () => {
    expect(await cost((n) => ({ fixtures: fixtures.slice(n * 15, n * 15 + 15) }), 3)).toEqual({
      messages: 3,
      roundTrips: 3,
    });
  });

  test('a hit: no message, no round trip', async () => {
    expect(await cost(() => ({ home: 'Arsenal', away: 'Chelsea' }), 0)).toEqual({
      messages: 0,
      roundTrips: 0,
    });
  });
});
