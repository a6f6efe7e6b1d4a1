import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'amqplib';
import { describe } from 'vitest';
import { debian } from '../needs.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { startRedis } from '../servers/redis.ts';
import { postTo } from './client.ts';
import { functionsConformance } from './functions.ts';

const redisServer = await debian('redis-server', 'redis-server');
const rabbitServer = await debian('rabbitmq-server', 'rabbitmq-server');

describe.skipIf('missing' in redisServer || 'missing' in rabbitServer)('with real servers', () => {
  functionsConformance('spawned by the local runtime, RabbitMQ and Redis', async () => {
    if ('missing' in redisServer || 'missing' in rabbitServer) throw new Error('skipped');
    const [redis, rabbit, state] = await Promise.all([
      startRedis(redisServer.path),
      startRabbit(rabbitServer.path),
      mkdtemp(path.join(tmpdir(), 'kickoff-servers-')),
    ]);
    const env = { LOG_LEVEL: 'warn', AMQP_URL: rabbit.url, STORE_URL: redis.url };
    const kickoff = await startKickoff(state, env);
    const connection = await connect(rabbit.url, { noDelay: true });
    const channel = await connection.createConfirmChannel();
    return {
      request: (target, init) => fetch(`${kickoff.url}${target}`, init),
      producers: {
        broker: postTo(`${kickoff.url}/local/broker/`),
        async exchange(event) {
          channel.publish('kickoff', 'ml', Buffer.from(JSON.stringify(event)), {
            contentType: 'application/cloudevents+json',
          });
          await channel.waitForConfirms();
        },
      },
      async close() {
        await connection.close();
        await kickoff.stop();
        await Promise.all([redis.remove(), rabbit.remove(), rm(state, { recursive: true, force: true })]);
      },
    };
  });
});
