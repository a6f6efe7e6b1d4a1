import { existsSync } from 'node:fs';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { rabbitmqNeed, startRabbitmq } from './rabbitmq.ts';
import { redisNeed, startRedis } from './redis.ts';

describe.skipIf('missing' in (await redisNeed()))('Redis of a test', () => {
  it('keeps its data over a kill, and leaves nothing behind', async () => {
    const server = await startRedis({ appendonly: true });
    const first = new Redis(server.url);
    await first.set('a', '1');
    first.disconnect();
    await server.kill('SIGKILL');
    await server.start();
    const second = new Redis(server.url);
    expect(await second.get('a')).toBe('1');
    second.disconnect();
    await server.stop();
    expect(existsSync(server.folder)).toBe(false);
  });
});

describe.skipIf('missing' in (await rabbitmqNeed()))('RabbitMQ of a test', () => {
  it('keeps a persistent message over a kill, and leaves nothing behind', async () => {
    const server = await startRabbitmq();
    const connection = await amqp.connect(server.url, { noDelay: true });
    connection.on('error', () => undefined);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('one'), { persistent: true });
    await channel.waitForConfirms();
    const before = server.pid();
    await server.kill('SIGKILL');
    await server.start();
    expect(server.pid()).not.toBe(before);
    const again = await amqp.connect(server.url, { noDelay: true });
    const reader = await again.createChannel();
    const message = await reader.get('q', { noAck: true });
    expect(message === false ? undefined : message.content.toString()).toBe('one');
    await again.close();
    const last = server.pid();
    await server.stop();
    expect(existsSync(server.folder)).toBe(false);
    expect(existsSync(`/proc/${last}`)).toBe(false);
  });
});
