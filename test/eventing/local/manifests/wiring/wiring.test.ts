import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { worstCase } from '../../../../../eventing/local/eventing/broker/backoff.ts';
import { milliseconds } from '../../../../../eventing/local/manifests/wiring/duration.ts';
import { readWiring } from '../../../../../eventing/local/manifests/wiring/read.ts';
import { temporaryFolder } from '../../eventing/world.ts';

const shipped = path.resolve(import.meta.dirname, '../../../../../eventing');
const functions = ['ingress', 'predict', 'cache-write'];
const { folder, remove } = temporaryFolder();
let number = 0;

afterAll(remove);

/** The message with which the shipped wiring is refused after `file` was changed. */
function refusal(file: string, from: string | RegExp, to: string): string {
  const copy = path.join(folder, String(++number));
  for (const name of readdirSync(shipped).filter((each) => each.endsWith('.yaml'))) {
    cpSync(path.join(shipped, name), path.join(copy, name));
  }
  const text = readFileSync(path.join(copy, file), 'utf8');
  const changed = text.replace(from, to);
  expect(changed, 'the test changes nothing').not.toBe(text);
  writeFileSync(path.join(copy, file), changed);
  try {
    readWiring(copy, functions);
  } catch (error) {
    return (error as Error).message.replaceAll(`${path.basename(copy)}/`, '');
  }
  return 'not refused';
}

describe('refused, naming file, line and field', () => {
  test.each([
    [
      'spec.filters',
      'triggers.yaml',
      '  filter:\n',
      '  filters: []\n  filter:\n',
      /triggers\.yaml:\d+: spec\.filters is not a field that the local platform knows/,
    ],
    [
      'an empty filter value',
      'triggers.yaml',
      'type: dev.knative.sources.ping',
      'type: ""',
      /spec\.filter\.attributes\.type: an empty value matches no event/,
    ],
    [
      'a filter that is no text',
      'triggers.yaml',
      'type: dev.knative.sources.ping',
      'retries: 3',
      /spec\.filter\.attributes\.retries: must be text/,
    ],
    [
      'a missing dead-letter sink',
      'triggers.yaml',
      /    deadLetterSink:\n.*\n.*\n.*\n.*\n.*\n/,
      '',
      /spec\.delivery(\.deadLetterSink)?: is missing/,
    ],
    ['no delivery', 'triggers.yaml', /  delivery:\n(    .*\n)+/, '', /spec\.delivery: is missing/],
    [
      'a timeout that is no duration',
      'triggers.yaml',
      'timeout: PT30S',
      'timeout: 30s',
      /spec\.delivery\.timeout: must be an ISO 8601 duration/,
    ],
    [
      'retryAfterMax',
      'triggers.yaml',
      'retry: 4',
      'retry: 4\n    retryAfterMax: PT5S',
      /spec\.delivery\.retryAfterMax is not a field that the local platform knows/,
    ],
    [
      'another Broker class',
      'broker.yaml',
      'RabbitMQBroker',
      'MTChannelBasedBroker',
      /broker\.class: must be RabbitMQBroker/,
    ],
    [
      'a Trigger of a Broker that is not there',
      'triggers.yaml',
      'broker: kickoff',
      'broker: kick',
      /triggers\.yaml:\d+: spec\.broker: there is no Broker kick/,
    ],
    [
      'a subscriber that is no function',
      'triggers.yaml',
      'name: predict\n  delivery',
      'name: predictor\n  delivery',
      /spec\.subscriber\.ref\.name: there is no function predictor \(there are ingress, predict, cache-write\)/,
    ],
    [
      'a subscriber in another namespace',
      'triggers.yaml',
      'name: predict\n  delivery',
      'name: predict\n      namespace: other\n  delivery',
      /spec\.subscriber\.ref\.namespace/,
    ],
    ['a parallelism that is none', 'triggers.yaml', /parallelism: .20./, 'parallelism: "0"', /parallelism/],
    [
      'a queue that nobody declares',
      'source.yaml',
      'queueName: ml',
      'queueName: mll',
      /there is no Queue mll/,
    ],
    [
      'a source that declares its own queue',
      'source.yaml',
      'predeclared: true',
      'predeclared: false',
      /predeclared: must be true/,
    ],
    ['a crontab that is none', 'ping.yaml', '*/5 * * * *', '*/5 * * *', /ping\.yaml:\d+: spec\.schedule/],
    [
      'a kind that is not known',
      'ping.yaml',
      'kind: PingSource',
      'kind: ApiServerSource',
      /ping\.yaml:\d+: kind: the local platform does not know kind ApiServerSource/,
    ],
    [
      'an alternate exchange that nobody declares',
      'queue.yaml',
      'alternate-exchange: kickoff.dead',
      'alternate-exchange: nowhere',
      /queue\.yaml:\d+: spec\.definition\.alternate-exchange: there is no Exchange nowhere/,
    ],
    [
      'a policy of more than an alternate exchange',
      'queue.yaml',
      'alternate-exchange: kickoff.dead',
      'message-ttl: 1\n    alternate-exchange: kickoff.dead',
      /spec\.definition\.message-ttl is not a field that the local platform knows/,
    ],
    ['a policy of queues', 'queue.yaml', 'applyTo: exchanges', 'applyTo: all', /applyTo: must be exchanges/],
    [
      'a pattern that is none',
      'producer.yaml',
      'write: ^ml$',
      'write: "(ml"',
      /producer\.yaml:\d+: spec\.permissions\.write: must be a regular expression/,
    ],
    [
      'a right that is not stated',
      'producer.yaml',
      '    configure: ^$\n',
      '',
      /spec\.permissions\.configure: is missing/,
    ],
    ['a document that is no YAML', 'ping.yaml', 'spec:', 'spec: [', /ping\.yaml:\d+: /],
  ])('%s', (_, file, from, to, message) => {
    expect(refusal(file, from, to)).toMatch(message);
  });

  test('the line is the one that was written', () => {
    const text = readFileSync(path.join(shipped, 'triggers.yaml'), 'utf8').replace('retry: 4', 'retries: 4');
    const line = text.slice(0, text.indexOf('retries: 4')).split('\n').length;
    expect(refusal('triggers.yaml', 'retry: 4', 'retries: 4')).toContain(
      `triggers.yaml:${line}: spec.delivery.retries is not`,
    );
  });

  test('all faults at once', () => {
    const message = refusal('triggers.yaml', /broker: kickoff/g, 'broker: none');
    expect(message.split('\n')).toHaveLength(5);
  });
});

describe('the shipped wiring', () => {
  const wiring = readWiring(shipped, functions);

  test('no event waits longer for its ack than RabbitMQ allows (30 minutes, 100 messages taken at a time)', () => {
    for (const { name, parallelism, delivery } of wiring.triggers) {
      if (!delivery?.timeoutMs) throw new Error(`${name} has no timeout`);
      const minutes = ((100 / parallelism) * worstCase(delivery, delivery.timeoutMs)) / 60_000;
      expect(minutes, name).toBeLessThan(30);
    }
  });

  test('no function replies with a type that its own Trigger takes', () => {
    // Predict's completed event comes back to it once, marked; what it replies to that is of another type.
    const filters = wiring.triggers.map(({ filter }) => JSON.stringify(filter));
    expect(new Set(filters).size).toBe(filters.length);
    expect(wiring.triggers.map(({ filter }) => filter['type'])).not.toContain(undefined);
  });

  test('every queue that refuses has somewhere to refuse to', () => {
    const exchanges = wiring.topology.exchanges.map(({ name }) => name);
    for (const queue of wiring.topology.queues) {
      const exchange = queue.arguments['x-dead-letter-exchange'];
      if (exchange !== undefined) expect(exchanges).toContain(exchange);
    }
  });
});

test('ISO 8601 durations', () => {
  expect(['PT0.5S', 'PT1M', 'PT1H30M', 'P1D', 'P1DT1S'].map(milliseconds)).toEqual([
    500, 60_000, 5_400_000, 86_400_000, 86_401_000,
  ]);
  expect(['', 'P', 'PT', 'P1DT', '5s', 'PT5', 'P1M', '-PT1S'].map(milliseconds)).toEqual(
    Array.from({ length: 8 }, () => undefined),
  );
});
