import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerNames } from '../../eventing/local/eventing/broker/names.ts';
import { openRabbit } from '../../eventing/local/eventing/broker/rabbitmq.ts';
import { brokerTopology } from '../../eventing/local/eventing/broker/topology.ts';
import { readWiring } from '../../eventing/local/manifests/wiring/read.ts';
import { functionNames } from '../../functions/bundle.ts';
import { rightsOf } from '../../manifests/commands/doctor/producers.ts';
import { parseDocuments } from '../../manifests/commands/yaml/bundle.ts';
import { debian } from '../needs.ts';
import { makeProducer, producerUrl } from '../servers/producer.ts';
import { startRabbit, type Rabbit } from '../servers/rabbitmq.ts';

const need = await debian('rabbitmq-server', 'rabbitmq-server');
const folder = path.resolve(import.meta.dirname, '../../eventing');
const wiring = readWiring(folder, functionNames());
const { exchange: broker } = brokerNames('kickoff', 'kickoff');
const body = Buffer.from('{}');

describe.skipIf('missing' in need)('the user of producers, on RabbitMQ', () => {
  let rabbit: Rabbit;
  let producer: ChannelModel;
  let operator: ChannelModel;

  beforeAll(async () => {
    rabbit = await startRabbit('path' in need ? need.path : '');
    const queues = await openRabbit(rabbit.url, () => undefined);
    await queues.declare(wiring.topology);
    await queues.declare(brokerTopology(wiring));
    await queues.close();
    await makeProducer(rabbit, 'secret');
    operator = await connect(rabbit.url);
    producer = await connect(producerUrl(rabbit, 'secret'));
  });
  afterAll(async () => {
    await producer.close();
    await operator.close();
    await rabbit.remove();
  });

  /** What RabbitMQ says to it; undefined where it lets it. */
  async function refusal(act: (channel: ConfirmChannel) => unknown): Promise<string | undefined> {
    const channel = await producer.createConfirmChannel();
    let said: string | undefined;
    channel.on('error', (error: Error) => (said = error.message));
    try {
      await act(channel);
      await channel.waitForConfirms();
      await channel.close();
      return said;
    } catch (error) {
      return said ?? (error as Error).message;
    }
  }
  const publish = (exchange: string, key: string) => (channel: ConfirmChannel) =>
    channel.publish(exchange, key, body, { persistent: true, mandatory: true });

  test.each<[string, (channel: ConfirmChannel) => unknown]>([
    ['publish with another key', publish('kickoff.requests', 'other')],
    ['publish with a key that begins like it', publish('kickoff.requests', 'ml.x')],
    ["publish to ingress' exchange", publish('kickoff', 'ml')],
    ["publish to the Broker's exchange", publish(broker, '')],
    ['publish to the exchange of dead letters', publish('kickoff.dead', '')],
    ['publish to a queue by the default exchange', publish('', 'ml')],
    ["publish to a Trigger's queue by the default exchange", publish('', 'kickoff.predict')],
    ['publish to amq.topic', publish('amq.topic', 'ml')],
    ['consume ml', (channel) => channel.consume('ml', () => undefined)],
    ['get from ml.dead', (channel) => channel.get('ml.dead')],
    ['empty ml', (channel) => channel.purgeQueue('ml')],
    ['delete ml', (channel) => channel.deleteQueue('ml')],
    ['declare a queue', (channel) => channel.assertQueue('mine')],
    ['declare one that RabbitMQ names', (channel) => channel.assertQueue('', { exclusive: true })],
    ['declare an exchange', (channel) => channel.assertExchange('mine', 'fanout')],
    ['delete its own exchange', (channel) => channel.deleteExchange('kickoff.requests')],
    ['bind ml to another key', (channel) => channel.bindQueue('ml', 'kickoff.requests', 'other')],
    ['bind ml.dead to the Broker', (channel) => channel.bindQueue('ml.dead', broker, '')],
    ['bind exchanges', (channel) => channel.bindExchange('kickoff.requests', broker, '')],
  ])('cannot %s', async (_, act) => {
    expect(await refusal(act)).toMatch(/403|ACCESS[_-]REFUSED/);
  });

  test('cannot say that it is another user', async () => {
    const act = (channel: ConfirmChannel) =>
      channel.publish('kickoff.requests', 'ml', body, { userId: 'guest' });
    expect(await refusal(act)).toMatch(/user_id property set to 'guest'/);
  });

  test('can publish to its exchange with its key', async () => {
    expect(await refusal(publish('kickoff.requests', 'ml'))).toBeUndefined();
    const channel = await operator.createChannel();
    const message = await channel.get('ml', { noAck: true });
    expect(message && message.fields).toMatchObject({ exchange: 'kickoff.requests', routingKey: 'ml' });
    expect(await channel.checkQueue('ml')).toMatchObject({ messageCount: 0 });
    await channel.close();
  });

  test('has the same rights by the lines of the docs as by eventing/producer.yaml', async () => {
    const documents = parseDocuments(readFileSync(path.join(folder, 'producer.yaml'), 'utf8'));
    const { permissions, topics } = rightsOf(documents, 'producer') ?? {};
    const rows = async (what: string, ...columns: string[]) => {
      const printed = JSON.parse(await rabbit.ctl(what, 'kickoff-producer', '--formatter=json')) as Record<
        string,
        string
      >[];
      return printed.map((row) => Object.fromEntries(columns.map((name) => [name, row[name]])));
    };
    expect(await rows('list_user_permissions', 'configure', 'write', 'read')).toEqual(permissions);
    expect(await rows('list_user_topic_permissions', 'exchange', 'write', 'read')).toEqual(topics);
  });
});
