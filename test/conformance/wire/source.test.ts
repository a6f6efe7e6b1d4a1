import { connect, type ChannelModel, type Channel, type GetMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../eventing/local/eventing/broker/clock.ts';
import type { Queues } from '../../../eventing/local/eventing/broker/queues.ts';
import { openRabbit } from '../../../eventing/local/eventing/broker/rabbitmq.ts';
import type { Workers } from '../../../eventing/local/eventing/broker/workers.ts';
import { startSource } from '../../../eventing/local/eventing/source/source.ts';
import { debian } from '../../needs.ts';
import { startRabbit, type Rabbit } from '../../servers/rabbitmq.ts';
import { until } from '../../until.ts';
import { expectHeaders, expectWaits, waits } from './compare.ts';
import { startFunctions, type Functions } from './functions.ts';
import { recording, recordings, SourceCase, SourceFailures } from './recordings.ts';

// producer ---> exchange ---> queue ---[RabbitmqSource]---> recording sink
//                               └--- refused ---> dead-letter exchange ---> queue

const need = await debian('rabbitmq-server', 'rabbitmq-server');
const failures = 'source-source-sink-failures';
const single = recordings('source-').filter((name) => name !== failures);
const scale = 0.2;
let replayed = 0;

describe.skipIf('missing' in need)('RabbitmqSource, as recorded', () => {
  let rabbit: Rabbit;
  let queues: Queues;
  let model: ChannelModel;
  let channel: Channel;
  let functions: Functions;
  const sources: Workers[] = [];
  const ending = new AbortController();

  async function startOne(name: string, sink: string, parallelism: number, retry: number): Promise<void> {
    await queues.declare({
      exchanges: [
        { name, type: 'fanout' },
        { name: `${name}-dlx`, type: 'fanout' },
      ],
      queues: [
        { name, arguments: { 'x-dead-letter-exchange': `${name}-dlx` } },
        { name: `${name}-dlq`, arguments: {} },
      ],
      bindings: [
        { exchange: name, queue: name, routingKey: '', arguments: {} },
        { exchange: `${name}-dlx`, queue: `${name}-dlq`, routingKey: '', arguments: {} },
      ],
    });
    sources.push(
      await startSource({
        source: {
          name,
          queue: name,
          parallelism,
          sink,
          delivery: { retry, backoffPolicy: 'exponential', backoffDelayMs: 150 * scale },
        },
        namespace: 'demo',
        queues,
        send: functions.send,
        clock: systemClock,
        log: () => undefined,
        stopping: ending.signal,
        cutting: ending.signal,
      }),
    );
  }

  async function deadLetter(queue: string): Promise<GetMessage | undefined> {
    const message = await channel.get(queue, { noAck: true });
    return message === false ? undefined : message;
  }

  beforeAll(async () => {
    if ('missing' in need) return;
    rabbit = await startRabbit(need.path);
    functions = await startFunctions(scale);
    queues = await openRabbit(rabbit.url, () => undefined);
    model = await connect(rabbit.url, { noDelay: true });
    channel = await model.createChannel();
    await startOne('src-raw', 'http://10.77.0.10:9999/raw', 1, 2);
    await startOne('src-fn', 'http://sink.demo.svc.cluster.local', 20, 2);
  });

  afterAll(async () => {
    ending.abort();
    await Promise.all(sources.map((source) => source.stop()));
    await queues.close();
    await model.close();
    await functions.close();
    await rabbit.remove();
    console.log(`source recordings replayed: ${replayed}`);
  });

  test.each(single)('%s', async (name) => {
    const recorded = recording(name, SourceCase);
    const { props, headers, body, bodyB64 } = recorded.published;
    const content =
      bodyB64 !== undefined
        ? Buffer.from(bodyB64, 'base64')
        : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? ''));
    const before = functions.seen.length;
    channel.publish('src-raw', 'k', content, { ...props, ...(headers ? { headers } : {}) });
    const refused = await until(async () => {
      const message = await deadLetter('src-raw-dlq');
      const answered = functions.seen.slice(before).some(({ phase }) => phase === 'response');
      return message ? { message } : answered ? { message: undefined } : undefined;
    });
    const requests = functions.seen.slice(before).filter(({ phase }) => phase === 'request');
    expect(requests).toHaveLength(recorded.received.length);
    for (const [index, request] of requests.entries()) {
      const wanted = recorded.received[index];
      if (!wanted) continue;
      expect(request.method).toBe(wanted.method);
      expect(request.url).toBe(wanted.url);
      expectHeaders(request.rawHeaders ?? [], wanted.rawHeaders);
      expect(request.bytes).toEqual(
        wanted.bodyB64 === undefined ? Buffer.from(wanted.body ?? '') : Buffer.from(wanted.bodyB64, 'base64'),
      );
    }
    expectDead(refused.message ? [refused.message] : [], recorded.deadLettered);
    replayed++;
  });

  test.concurrent.each(recording(failures, SourceFailures).map((each) => [each.case, each] as const))(
    'the sink answers %s',
    async (name, recorded) => {
      const id = `srcfail-${name}`;
      const body = recorded.deadLettered[0]?.body ?? JSON.stringify({ do: { sink: recorded.act } });
      channel.publish('src-fn', 'k', Buffer.from(body), { contentType: 'application/json', messageId: id });
      const ours = () => functions.seen.filter((step) => step.id === id);
      await until(() => ours().length === recorded.timeline.length, {
        deadline: 20_000,
        what: `${recorded.timeline.length} steps of ${id}`,
      });
      const steps = ours();
      expect(steps.map(({ phase, status }) => [phase, status])).toEqual(
        recorded.timeline.map(({ phase, status }) => [phase, status]),
      );
      for (const [index, step] of steps.entries()) {
        const wanted = recorded.timeline[index]?.rawHeaders;
        if (wanted) expectHeaders(step.rawHeaders ?? [], wanted);
      }
      expectWaits(waits(steps), waits(recorded.timeline), scale);
      replayed++;
    },
  );

  test('of the failed ones, exactly those that were recorded are dead letters', async () => {
    const recorded = recording(failures, SourceFailures).flatMap(({ deadLettered }) => deadLettered);
    const dead: GetMessage[] = [];
    await until(async () => {
      const message = await deadLetter('src-fn-dlq');
      if (message) dead.push(message);
      return dead.length === recorded.length;
    });
    const order = (a: { body: string }, b: { body: string }) => (a.body < b.body ? -1 : 1);
    const ours = dead.map((message) => ({ message, body: message.content.toString() })).sort(order);
    expectDead(
      ours.map(({ message }) => message),
      recorded.toSorted(order),
    );
  });
});

function expectDead(
  ours: GetMessage[],
  recorded: readonly {
    fields: { exchange: string; routingKey: string };
    properties: { headers: Record<string, unknown> };
    body: string;
  }[],
): void {
  const shape = (headers: Record<string, unknown>) => ({ ...headers, 'x-death': deaths(headers['x-death']) });
  expect(
    ours.map(({ fields, properties, content }) => ({
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      headers: shape(properties.headers ?? {}),
      body: content.toString(),
    })),
  ).toEqual(
    recorded.map(({ fields, properties, body }) => ({
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      headers: shape(properties.headers),
      body,
    })),
  );
}

function deaths(value: unknown): unknown {
  return Array.isArray(value) ? value.map((death: object) => ({ ...death, time: undefined })) : value;
}
