import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startBrokers } from '../../../eventing/local/eventing/broker/broker.ts';
import { systemClock } from '../../../eventing/local/eventing/broker/clock.ts';
import { brokerNames } from '../../../eventing/local/eventing/broker/names.ts';
import type { Delivery, Queues } from '../../../eventing/local/eventing/broker/queues.ts';
import { brokerTopology } from '../../../eventing/local/eventing/broker/topology.ts';
import type { Trigger, Wiring } from '../../../eventing/local/manifests/wiring/wiring.ts';
import { until } from '../../until.ts';
import { url } from './cluster.ts';
import { startFunctions, type Functions } from './functions.ts';
import { Filters, IngressAnswers, Landed, Parallelism, RabbitObjects, recording } from './recordings.ts';
import type { Running, World } from './worlds.ts';

const delivery = {
  retry: 3,
  backoffPolicy: 'exponential',
  backoffDelayMs: 100,
  deadLetterSink: url('dlsink'),
} as const;
const scale = 0.4;

function wiringOf(name: string, triggers: Omit<Trigger, 'broker' | 'delivery'>[]): Wiring {
  return {
    namespace: 'demo',
    brokers: [{ name, queueType: 'quorum', delivery }],
    triggers: triggers.map((trigger) => ({ ...trigger, broker: name })),
    sources: [],
    pings: [],
    alternates: [],
    topology: { exchanges: [], queues: [], bindings: [] },
  };
}

/** The Broker's ingress, filters, parallelism and its objects in RabbitMQ. */
export function testBroker(world: World): void {
  describe.skipIf(world.missing !== undefined)(`a Broker on the ${world.name}, as recorded`, () => {
    let running: Running;
    let functions: Functions;
    let brokers: Awaited<ReturnType<typeof startBrokers>>;
    let queues: Queues;
    const equal: string[] = [];
    const never = new AbortController().signal;

    beforeAll(async () => {
      running = await world.start();
      functions = await startFunctions(scale);
    });
    afterEach(async () => {
      await brokers.stop();
      await queues.close();
    });
    afterAll(async () => {
      await functions.close();
      await running.end();
      console.log(`${world.name}: Broker recordings equal: ${equal.join(', ')}`);
    });

    async function start(wiring: Wiring): Promise<void> {
      queues = await running.open();
      brokers = await startBrokers({
        ...{ wiring, queues, send: functions.send, clock: systemClock, log: () => undefined },
        ...{ stopping: never, cutting: never },
      });
    }
    function post(
      broker: string,
      method: string,
      path: string,
      headers: Record<string, string>,
      body: string,
    ) {
      const lower = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      return brokers.receive(broker, { method, path, headers: lower, body: Buffer.from(body) });
    }
    function event(type: string, id: string, headers: Record<string, string> = {}) {
      const attributes = { 'ce-specversion': '1.0', 'ce-id': id, 'ce-source': '/test', 'ce-type': type };
      return { ...attributes, 'content-type': 'application/json', ...headers };
    }

    test('broker-ingress-errors', async () => {
      await start(wiringOf('b1', []));
      for (const { case: name, url: target, headers, body, answer } of recording(
        'broker-ingress-errors',
        IngressAnswers,
      )) {
        const method = { get: 'GET', put: 'PUT', options: 'OPTIONS' }[name] ?? 'POST';
        const size = typeof body === 'string' ? /^(\d+) chars$/.exec(body)?.[1] : undefined;
        const text = size
          ? `"${'x'.repeat(Number(size) - 2)}"`
          : typeof body === 'string'
            ? body
            : JSON.stringify(body ?? '');
        const { status, body: answered } = await post('b1', method, new URL(target).pathname, headers, text);
        expect([name, status, Buffer.from(answered).toString()]).toEqual([name, answer.status, answer.body]);
      }
      equal.push('ingress-errors');
    });

    test('broker-what-lands-in-exchange', async () => {
      await start(wiringOf('b1', []));
      const { exchange } = brokerNames('demo', 'b1');
      const tap = {
        exchanges: [],
        queues: [{ name: 'tap', arguments: {} }],
        bindings: [{ exchange, queue: 'tap', routingKey: '', arguments: { 'x-match': 'all' } }],
      };
      // The tap is declared with the Broker's own objects: the embedded broker takes an exchange's bindings as a whole.
      const { exchanges, queues: own, bindings } = brokerTopology(wiringOf('b1', []));
      await queues.declare({
        exchanges,
        queues: [...own, ...tap.queues],
        bindings: [...bindings, ...tap.bindings],
      });
      const landed: Delivery[] = [];
      const consumer = await queues.consume('tap', 100, (message) => landed.push(message));
      for (const { case: name, sent, ingressAnswer, amqp } of recording(
        'broker-what-lands-in-exchange',
        Landed,
      )) {
        const { headers: wanted, contentType, messageId } = amqp.properties;
        const structured = {
          specversion: '1.0',
          id: messageId,
          type: wanted['type'],
          source: wanted['source'],
        };
        const rest = { myext: wanted['myext'], datacontenttype: contentType, data: { a: 1 } };
        const { status } = sent.h
          ? await post('b1', 'POST', '/', event(`tap.${name}`, messageId, sent.h), textOf(sent.b))
          : await post(
              'b1',
              'POST',
              '/',
              { 'content-type': 'application/cloudevents+json' },
              JSON.stringify({ ...structured, ...rest }),
            );
        expect(status).toBe(ingressAnswer.status);
        const message = await until(() => landed.shift());
        expect(message.headers).toEqual(wanted);
        expect(message.contentType).toBe(contentType);
        expect(message.messageId).toBe(messageId);
        expect(Buffer.from(message.body).toString()).toBe(amqp.body);
        message.ack();
      }
      await consumer.cancel();
      await post('b1', 'POST', '/', event('x', 'last'), '');
      const mode = await until(async () => (await running.deliveryMode('tap')) ?? 'not shown');
      expect([2, 'not shown']).toContain(mode);
      equal.push('what-lands-in-exchange');
    });

    test('broker-filters', async () => {
      const to = (name: string, filter: Record<string, string>) => ({
        ...{ name, filter, parallelism: 1, subscriber: `http://10.77.0.10:9999/${name}` },
      });
      // n-newfilters had spec.filters, which this Broker ignores: no filter at all. n-subj had an empty value.
      const triggers = [
        to('n-all', {}),
        to('n-newfilters', {}),
        to('n-ext', { myext: 'v' }),
        to('n-subj', { subject: '' }),
      ];
      await start(wiringOf('n', triggers));
      for (const [name, { type, headers, deliveredTo }] of Object.entries(
        recording('broker-filters', Filters),
      )) {
        await post('n', 'POST', '/', event(type, name, headers), '{}');
        // "/" in the recording is the function f1, which a retry of an earlier event met; a path twice is an earlier event too.
        const wanted = [...new Set(deliveredTo.filter((path) => path !== '/'))].sort();
        await until(
          () =>
            queues.counts().every(({ ready, inFlight }) => ready + inFlight === 0) &&
            arrived(name).length >= wanted.length,
        );
        expect([name, ...arrived(name)]).toEqual([name, ...wanted]);
      }
      equal.push('filters');
      function arrived(id: string): string[] {
        return functions.seen
          .filter((step) => step.id === id && step.phase === 'request')
          .map((step) => step.url ?? '')
          .sort();
      }
    });

    test.each([
      ['broker-parallelism-default-1', 1],
      ['broker-parallelism-4', 4],
    ])('%s', async (name, parallelism) => {
      const recorded = recording(name, Parallelism);
      await start(
        wiringOf(name, [{ name: `p${parallelism}`, filter: {}, parallelism, subscriber: url('f1') }]),
      );
      const bodies = recorded.flatMap(({ phase, body }) =>
        phase === 'request' && body !== undefined ? [body] : [],
      );
      for (const [index, body] of bodies.entries())
        await post(name, 'POST', '/', event('p.one', `${name}-${index}`), body);
      const ours = () => functions.seen.filter(({ id }) => id.startsWith(`${name}-`));
      await until(() => ours().length === recorded.length, { deadline: 20_000 });
      expect(requests(ours())).toEqual(requests(recorded));
      expect(mostInFlight(ours())).toBe(mostInFlight(recorded));
      equal.push(name.replace('broker-', ''));
    });

    test('broker-rabbit-objects (skipped of it: policies, which AMQP cannot set; queue arguments stand in)', async () => {
      const recorded = recording('broker-rabbit-objects', RabbitObjects);
      const triggers = [
        { name: 't1', filter: { type: 't.one' }, parallelism: 1, subscriber: url('f1') },
        { name: 't-reply', filter: { type: 'reply' }, parallelism: 1, subscriber: url('sink') },
      ];
      const wiring = wiringOf('b1', triggers);
      await start(wiring);
      const ours = running.rabbit ? await objectsOf(running.rabbit) : brokerTopology(wiring);
      const ofBroker = (name: string) => /^(b\.demo\.b1\.|demo\.t)/.test(name);
      expect(sorted(ours.exchanges.filter(({ name }) => ofBroker(name)))).toEqual(
        sorted(recorded.exchanges.map(({ name, type }) => ({ name, type }))),
      );
      expect(sorted(ours.queues.filter(({ name }) => ofBroker(name)))).toEqual(
        sorted(
          recorded.queues
            .filter(({ name }) => ofBroker(name))
            .map((queue) => ({
              name: queue.name,
              arguments: {
                ...queue.arguments,
                'x-dead-letter-exchange': queue.effective_policy_definition['dead-letter-exchange'],
              },
            })),
        ),
      );
      expect(
        sorted(ours.bindings.filter(({ exchange, queue }) => ofBroker(exchange) && queue !== 'tap')),
      ).toEqual(
        sorted(
          recorded.bindings.map((binding) => ({
            exchange: binding.source,
            queue: binding.destination,
            routingKey: binding.routing_key,
            arguments: binding.arguments,
          })),
        ),
      );
      equal.push('rabbit-objects');
    });
  });
}

type Step = { phase: string; body?: string | undefined };

/** The requests in order where they came one by one, else sorted: which of several in flight is first is chance. */
function requests(steps: readonly Step[]): string[] {
  const bodies = steps.flatMap(({ phase, body }) => (phase === 'request' ? [body ?? ''] : []));
  return mostInFlight(steps) === 1 ? bodies : bodies.sort();
}

function mostInFlight(steps: readonly Step[]): number {
  let inFlight = 0;
  return Math.max(...steps.map(({ phase }) => (inFlight += phase === 'request' ? 1 : -1)));
}

function textOf(body: unknown): string {
  return body === null || body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
}

/** Plain values with every uid replaced, in a fixed order. */
function sorted(values: readonly object[]): unknown[] {
  const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
  return values
    .map((value) => JSON.stringify(value, sortedKeys).replaceAll(uid, 'UID'))
    .sort()
    .map((text): unknown => JSON.parse(text));
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What RabbitMQ itself says it has. */
async function objectsOf(rabbit: NonNullable<Running['rabbit']>) {
  const list = async (...args: string[]) =>
    JSON.parse(await rabbit.ctl(...args, '--formatter=json')) as Record<string, unknown>[];
  const table = (value: unknown) => argumentsOf(value);
  const exchanges = await list('list_exchanges', 'name', 'type');
  const queues = await list('list_queues', 'name', 'arguments');
  const bindings = await list('list_bindings', 'source_name', 'destination_name', 'routing_key', 'arguments');
  return {
    exchanges: exchanges.map(({ name, type }) => ({ name: String(name), type: String(type) })),
    queues: queues.map((queue) => ({ name: String(queue['name']), arguments: table(queue['arguments']) })),
    bindings: bindings.map((binding) => ({
      exchange: String(binding['source_name']),
      queue: String(binding['destination_name']),
      routingKey: String(binding['routing_key']),
      arguments: table(binding['arguments']),
    })),
  };
}

/** rabbitmqctl gives arguments as triples of name, type and value. */
function argumentsOf(value: unknown): Record<string, unknown> {
  if (!Array.isArray(value)) return value as Record<string, unknown>;
  return Object.fromEntries(
    (value as [string, string, unknown][]).map(([name, , argument]) => [name, argument]),
  );
}
