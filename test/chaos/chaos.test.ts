import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { debian } from '../needs.ts';
import { faults } from './faults.ts';
import { judge, type Verdict } from './judge.ts';
import { seeded } from './load.ts';
import { startSystem, type System } from './system.ts';
import { table } from './table.ts';

const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
const redis = await debian('redis-server', 'redis-server');

/** The most telling of them; `npm run test:chaos` strikes with all. */
const chosen = ['copies', 'kill-predict', 'kill-cache-write', 'kill-rabbitmq', 'kill-redis', 'kill-runtime'];

describe.skipIf('missing' in rabbitmq || 'missing' in redis)('under load, with RabbitMQ and Redis', () => {
  const random = seeded(1);
  const verdicts: Verdict[] = [];
  let system: System;

  beforeAll(async () => {
    if ('missing' in rabbitmq || 'missing' in redis) return;
    system = await startSystem(rabbitmq.path, redis.path);
  }, 180_000);
  afterAll(async () => {
    console.log(table(verdicts));
    await system.close();
  });

  test.each(faults.filter(({ name }) => chosen.includes(name)))(
    'nothing is lost or stored twice: $what',
    async (fault) => {
      onTestFailed(() => {
        console.log(system.kickoff.output());
      });
      const verdict = await judge(system, fault, { random, perSecond: 15 });
      verdicts.push(verdict);
      expect(verdict).toMatchObject({ lost: 0, storedTwice: 0, failed: 0, good: true });
      expect(verdict.accepted).toBeGreaterThan(30);
    },
    300_000,
  );
});
