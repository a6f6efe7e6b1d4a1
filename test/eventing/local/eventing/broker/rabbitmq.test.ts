import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEventing } from '../../../../../eventing/local/eventing/eventing.ts';
import type { Delivery, Queues } from '../../../../../eventing/local/eventing/broker/queues.ts';
import { openRabbit } from '../../../../../eventing/local/eventing/broker/rabbitmq.ts';
import { startCut } from '../../../../chaos/cut.ts';
import { debian } from '../../../../needs.ts';
import { startRabbit, type Rabbit } from '../../../../servers/rabbitmq.ts';
import { until } from '../../../../until.ts';
import { recorder, trigger, wiringOf } from '../world.ts';

const need = await debian('rabbitmq-server', 'rabbitmq-server');
const topology = (limit: number) => ({
  exchanges: [{ name: 'e', type: 'direct' as const }],
  queues: [
    {
      name: 'q',
      arguments: { 'x-queue-type': 'classic', 'x-max-length': limit, 'x-overflow': 'reject-publish' },
    },
  ],
  bindings: [{ exchange: 'e', queue: 'q', routingKey: 'k', arguments: {} }],
});
const message = (messageId: string) => ({ headers: {}, messageId, body: Buffer.from('x') });

describe.skipIf('missing' in need)('queues on RabbitMQ', () => {
  let rabbit: Rabbit;
  let queues: Queues;
  const lines: string[] = [];

  beforeAll(async () => {
    rabbit = await startRabbit('path' in need ? need.path : '');
    queues = await openRabbit(rabbit.url, (part, line) => lines.push(`${part}: ${line}`));
    await queues.declare(topology(3));
  });
  afterAll(async () => {
    await queues.close();
    await rabbit.remove();
  });

  test('a connection that is taken and not answered is given up, and tried again', async () => {
    const proxy = await startCut(Number(new URL(rabbit.url).port));
    const there = rabbit.url.replace(/:\d+$/, `:${proxy.port}`);
    proxy.stall();
    const said: string[] = [];
    const opening = openRabbit(there, (_, line) => said.push(line));
    await until(() => said.some((line) => line.includes('does not answer')), { deadline: 20_000 });
    proxy.restore();
    const opened = await opening;
    await opened.close();
    await proxy.close();
  });

  test('one that falls silent does not hold the end', async () => {
    const proxy = await startCut(Number(new URL(rabbit.url).port));
    const eventing = await startEventing({
      wiring: wiringOf([trigger('predict', 'x')]),
      amqpUrl: rabbit.url.replace(/:\d+$/, `:${proxy.port}`),
      stateFolder: '',
      send: recorder(() => ({})).send,
      log: () => undefined,
    });
    proxy.stall();
    const began = performance.now();
    await eventing.close(500);
    // Its heartbeat would tell after 20 s.
    expect(performance.now() - began).toBeLessThan(8000);
    await proxy.close();
  });

  test('a queue that exists with another argument is refused, naming it and the remedy', async () => {
    await queues.declare(topology(3));
    await expect(queues.declare(topology(4))).rejects.toThrow(
      /queue q exists in RabbitMQ with another x-max-length \(there '3', declared here '4'\).*delete_queue.*queue\.yaml/s,
    );
  });

  test('an exchange that exists with another type is refused, naming it and the remedy', async () => {
    const exchanges = [{ name: 'e', type: 'topic' as const }];
    await expect(queues.declare({ exchanges, queues: [], bindings: [] })).rejects.toThrow(
      /exchange e exists in RabbitMQ with another type .*delete exchange name=e\b/s,
    );
  });

  test('one that was made without its alternate exchange, or with another, is made anew', async () => {
    const declared = (alternate?: string) => ({
      exchanges: [
        ...['x', 'y'].map((name) => ({ name, type: 'fanout' as const })),
        { name: 'b', type: 'headers' as const, alternate },
      ],
      queues: [{ name: 'rest', arguments: { 'x-queue-type': 'classic' } }],
      bindings: [{ exchange: 'y', queue: 'rest', routingKey: '', arguments: {} }],
    });
    for (const alternate of [undefined, 'x', 'y', 'y']) {
      const again = await openRabbit(rabbit.url, () => undefined);
      await again.declare(declared(alternate));
      await again.publish('b', '', message('untaken'));
      if (alternate === 'y')
        await until(() => again.counts().some(({ queue, ready }) => queue === 'rest' && ready > 0));
      await again.close();
    }
  });

  test('an exchange that is not there refuses the publish, and the next publish works', async () => {
    await expect(queues.publish('nowhere', '', message('1'))).rejects.toThrow();
    await queues.publish('e', 'other', message('1'));
  });

  test('a queue that does not exist yet is consumed once it does, and that it is missing is said once', async () => {
    const got: Delivery[] = [];
    const consumer = await queues.consume('later', 100, (delivery) => got.push(delivery));
    await until(() => lines.some((line) => line.includes('later cannot be consumed')));
    const later = { exchanges: [], queues: [{ name: 'later', arguments: {} }], bindings: [] };
    await queues.declare({
      ...later,
      bindings: [{ exchange: 'e', queue: 'later', routingKey: 'l', arguments: {} }],
    });
    await queues.publish('e', 'l', message('1'));
    await until(() => got.length === 1);
    got[0]?.ack();
    await consumer.cancel();
    expect(lines.filter((line) => line.includes('later cannot be consumed'))).toHaveLength(1);
  });

  test('a full queue refuses', async () => {
    for (const id of ['1', '2', '3']) await queues.publish('e', 'k', message(id));
    await expect(queues.publish('e', 'k', message('4'))).rejects.toThrow();
  });

  test('after a kill it consumes and publishes again by itself; what was not acked comes again', async () => {
    const got: Delivery[] = [];
    await queues.consume('q', 100, (delivery) => got.push(delivery));
    await until(() => got.length === 3);
    got[0]?.ack();
    await until(async () => (await rabbit.ctl('list_queues', 'messages')).includes('2'));
    await rabbit.kill9();
    // Each of its two connections says so when it notices.
    await until(() => lines.filter((line) => line.includes('lost the connection')).length === 2);
    await expect(queues.publish('e', 'k', message('5'))).rejects.toThrow(
      'there is no connection to RabbitMQ',
    );
    await rabbit.start();
    await until(() => got.length === 5, { deadline: 20_000 });
    expect(got.slice(3).map(({ messageId, redelivered }) => [messageId, redelivered])).toEqual([
      ['2', true],
      ['3', true],
    ]);
    await until(
      () =>
        queues.publish('e', 'k', message('6')).then(
          () => true,
          () => false,
        ),
      { deadline: 20_000 },
    );
    await until(() => got.length === 6);
  });
});

test('a RabbitMQ that is not there is said at once', async () => {
  const lines: string[] = [];
  const opening = openRabbit('amqp://127.0.0.1:1', (_, line) => lines.push(line));
  opening.catch(() => undefined);
  await until(() =>
    lines.some((line) => /RabbitMQ at 127\.0\.0\.1:1 does not answer.*ECONNREFUSED/.test(line)),
  );
});
