import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { startEventing } from '../../../eventing/local/eventing/eventing.ts';
import { brokerUrl } from '../../../eventing/local/manifests/wiring/address.ts';
import type { DeliverySpec, Wiring } from '../../../eventing/local/manifests/wiring/wiring.ts';
import { until } from '../../until.ts';
import { url } from './cluster.ts';
import { expectHeaders } from './compare.ts';
import type { Answer } from './failer.ts';
import { startFunctions } from './functions.ts';
import { Chain, recording } from './recordings.ts';
import { rabbitWorld } from './worlds.ts';

// producer ---> queue ---[RabbitmqSource]---> Broker ---[Trigger]---> A ---reply---> Broker ---[Trigger]---> B

const world = await rabbitWorld();
const queue = 'e2e-q';
const delivery: DeliverySpec = { retry: 0, backoffPolicy: 'exponential', backoffDelayMs: 100 };
const wiring: Wiring = {
  namespace: 'demo',
  brokers: [{ name: 'b1', queueType: 'classic' }],
  triggers: [
    trigger('a', 'dev.knative.rabbitmq.event', 'fna'),
    // What A replies has a type of its own: else it would reach A again, without end.
    trigger('b', 'e2e.second', 'fnb'),
  ],
  sources: [{ name: 'e2e', queue, parallelism: 10, sink: brokerUrl('demo', 'b1'), delivery }],
  pings: [],
  alternates: [],
  topology: { exchanges: [], queues: [{ name: queue, arguments: {} }], bindings: [] },
};

function trigger(name: string, type: string, fn: string): Wiring['triggers'][number] {
  return { name, broker: 'b1', filter: { type }, subscriber: url(fn), parallelism: 10, delivery };
}

function answer(fn: string, id: string, body: string): Answer {
  if (fn !== 'fna') return { status: 204, headers: {}, body: '', delayMs: 0 };
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': `re-${id}`,
    'ce-source': '/fn/fna',
    'ce-type': 'e2e.second',
    'content-type': 'application/json',
  };
  const echoed = JSON.stringify({ from: fn, of: id, in: JSON.parse(body) as unknown });
  return { status: 200, headers, body: echoed, delayMs: 0 };
}

describe.skipIf(world.missing !== undefined)('a chain of two functions, as recorded', () => {
  test('chain-e2e: what each function got of each message', async () => {
    const recorded = recording('chain-e2e', Chain);
    const running = await world.start();
    const functions = await startFunctions(1, answer);
    const { amqpUrl = '', stateFolder } = running;
    const eventing = await startEventing({
      wiring,
      amqpUrl,
      stateFolder,
      send: functions.send,
      log: () => undefined,
    });
    const model = await connect(amqpUrl, { noDelay: true });
    try {
      const channel = await model.createConfirmChannel();
      for (const { kind, i } of recorded)
        channel.sendToQueue(queue, Buffer.from(JSON.stringify({ i, kind })), {
          contentType: 'application/json',
          messageId: `${kind}${i}`,
          persistent: true,
        });
      await channel.waitForConfirms();
      const requests = (fn: string) =>
        functions.seen.filter((step) => step.fn === fn && step.phase === 'request');
      await until(() => requests('fnb').length === recorded.length, { deadline: 20_000 });
      expect(requests('fna')).toHaveLength(recorded.length);
      for (const { kind, i, aHeaders, bHeaders, bBody } of recorded) {
        const [a] = requests('fna').filter(({ id }) => id === `${kind}${i}`);
        const [b] = requests('fnb').filter(({ id }) => id === `re-${kind}${i}`);
        expectHeaders(a?.rawHeaders ?? [], aHeaders);
        expectHeaders(b?.rawHeaders ?? [], bHeaders);
        expect(b?.body).toBe(bBody);
      }
      console.log(`chain recordings replayed: ${recorded.length}`);
    } finally {
      await model.close();
      await eventing.close(0);
      await functions.close();
      await running.end();
    }
  }, 60_000);
});
