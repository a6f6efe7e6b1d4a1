import { existsSync } from 'node:fs';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { debian } from '../needs.ts';
import { startRabbit } from './rabbitmq.ts';
import { startRedis } from './redis.ts';

const redis = await debian('redis-server', 'redis-server');
const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');

describe.skipIf('missing' in redis)('Redis of a test', () => {
  test('keeps its data over a kill, and leaves no process behind', async () => {
    const server = await startRedis('path' in redis ? redis.path : '', { appendonly: true });
    const first = new Redis(server.url);
    await first.set('a', '1');
    first.disconnect();
    await server.kill9();
    await server.start();
    const second = new Redis(server.url);
    expect(await second.get('a')).toBe('1');
    second.disconnect();
    const pid = server.pid();
    await server.remove();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});

describe.skipIf('missing' in rabbitmq)('RabbitMQ of a test', () => {
  test('keeps a persistent message over a kill, and leaves no process behind', async () => {
    const server = await startRabbit('path' in rabbitmq ? rabbitmq.path : '');
    const connection = await connect(server.url, { noDelay: true });
    connection.on('error', () => undefined);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    // Not a quorum queue: RabbitMQ 3.10 loses one that was declared less than a second before it is killed.
    await channel.assertQueue('q', { durable: true });
    channel.sendToQueue('q', Buffer.from('one'), { persistent: true });
    await channel.waitForConfirms();
    const before = server.pid();
    await server.kill9();
    await server.start();
    expect(server.pid()).not.toBe(before);
    const again = await connect(server.url, { noDelay: true });
    const reader = await again.createChannel();
    const message = await reader.get('q', { noAck: true });
    expect(message === false ? undefined : message.content.toString()).toBe('one');
    await again.close();
    const last = server.pid();
    await server.remove();
    expect(existsSync(`/proc/${last}`)).toBe(false);
  });
});
