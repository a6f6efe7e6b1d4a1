import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChannelModel, connect } from 'amqplib';
import { createAmqpPublisher } from '../../../../functions/ingress/src/submit/publish-amqp.ts';
import type { Publisher } from '../../../../functions/ingress/src/submit/publisher.ts';
import { createEvent } from '../../../../functions/shared/events/cloudevents.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { debian } from '../../../needs.ts';
import { type Rabbit, startRabbit } from '../../../servers/rabbitmq.ts';
import { until } from '../../../until.ts';

const need = await debian('rabbitmq-server', 'rabbitmq-server');

describe.skipIf('missing' in need)('the AMQP publisher', () => {
  let rabbit: Rabbit;
  let admin: ChannelModel;
  const logged: string[] = [];
  const write = (line: string): void => void logged.push(line);
  const log = createLog('debug', { out: write, err: write });
  const open: Publisher[] = [];

  beforeAll(async () => {
    if ('missing' in need) return;
    rabbit = await startRabbit(need.path);
    await declare();
  }, 120_000);
  afterAll(async () => {
    await Promise.all(open.map((publisher) => publisher.close()));
    await rabbit.remove();
  });

  async function declare(): Promise<void> {
    admin = await connect(rabbit.url);
    // A connection that is cut on purpose must not end the test run.
    admin.on('error', () => undefined);
    const channel = await admin.createChannel();
    await channel.assertExchange('kickoff', 'direct', { durable: true });
    await channel.assertQueue('ml', { durable: true });
    await channel.bindQueue('ml', 'kickoff', 'ml');
    await channel.assertQueue('full', {
      durable: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await channel.bindQueue('full', 'kickoff', 'full');
  }
  function publisher(exchange = 'kickoff', routingKey = 'ml'): Publisher {
    const made = createAmqpPublisher({ url: rabbit.url, exchange, routingKey }, log);
    open.push(made);
    return made;
  }
  const event = (id: string) => createEvent({ id, source: '/test', type: 'test', data: { id } });

  test('an exchange that is not there is named, with the remedy', async () => {
    await expect(publisher('missing').publish(event('1'), 2000)).rejects.toThrow(/not published/);
    expect(logged.join('')).toMatch(
      /exchange missing is not there: declare it as eventing\/queue.yaml states/,
    );
  });

  test('a message that no queue takes is a failure', async () => {
    await expect(publisher('kickoff', 'nobody').publish(event('1'), 2000)).rejects.toThrow(
      /no queue is bound/,
    );
  });

  test('a message that a full queue refuses is a failure', async () => {
    const full = publisher('kickoff', 'full');
    await full.publish(event('1'), 2000);
    await expect(full.publish(event('2'), 2000)).rejects.toThrow(/refused/);
  });

  test('a confirmed event is in the queue: structured, persistent', async () => {
    const ml = publisher();
    await ml.publish(event('confirmed'), 2000);
    const channel = await admin.createChannel();
    const message = await channel.get('ml', { noAck: true });
    if (message === false) throw new Error('the queue is empty');
    expect(JSON.parse(message.content.toString())).toMatchObject({
      specversion: '1.0',
      id: 'confirmed',
      data: { id: 'confirmed' },
    });
    expect(message.properties).toMatchObject({
      contentType: 'application/cloudevents+json',
      headers: { 'content-type': 'application/cloudevents+json' },
      deliveryMode: 2,
    });
  });

  test('many at the same time are all confirmed', async () => {
    const ml = publisher();
    await Promise.all(Array.from({ length: 500 }, (_, n) => ml.publish(event(String(n)), 10_000)));
    const channel = await admin.createChannel();
    expect((await channel.purgeQueue('ml')).messageCount).toBe(500);
  });

  test('a blocked broker (memory alarm) is not waited for, and used again once it is not', async () => {
    const ml = publisher();
    await ml.publish(event('before'), 2000);
    await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '1000');
    try {
      // RabbitMQ tells of the block when something is published, and raises the alarm some time after rabbitmqctl has returned.
      const refused = await until(() =>
        ml.publish(event('perhaps blocked'), 1000).then(
          () => undefined,
          (error: unknown) => String(error),
        ),
      );
      expect(refused).toMatch(/not published/);
      await until(() => logged.join('').includes('blocks publishers'));
      const start = performance.now();
      await expect(ml.publish(event('blocked too'), 5000)).rejects.toThrow(/blocks publishers/);
      expect(performance.now() - start).toBeLessThan(500);
    } finally {
      await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '512MB');
    }
    await until(
      () =>
        ml.publish(event('after'), 1000).then(
          () => true,
          () => false,
        ),
      { deadline: 20_000 },
    );
  }, 60_000);

  test('a broker that was killed is connected to again', async () => {
    const ml = publisher();
    await ml.publish(event('before'), 2000);
    await rabbit.kill9();
    await expect(ml.publish(event('meanwhile'), 1000)).rejects.toThrow(/not published/);
    await rabbit.start();
    await until(
      () =>
        ml.publish(event('after'), 1000).then(
          () => true,
          () => false,
        ),
      { deadline: 30_000 },
    );
  }, 120_000);
});
