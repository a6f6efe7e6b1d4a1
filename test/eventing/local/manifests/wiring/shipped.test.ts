import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEventing } from '../../../../../eventing/local/eventing/eventing.ts';
import type { Eventing } from '../../../../../eventing/local/seams.ts';
import { readWiring } from '../../../../../eventing/local/manifests/wiring/read.ts';
import { functionNames } from '../../../../../functions/bundle.ts';
import { requestedType } from '../../../../../functions/shared/events/events.ts';
import { debian } from '../../../../needs.ts';
import { startRabbit, type Rabbit } from '../../../../servers/rabbitmq.ts';
import { until } from '../../../../until.ts';
import { recorder, temporaryFolder } from '../../eventing/world.ts';

const need = await debian('rabbitmq-server', 'rabbitmq-server');
const shipped = path.resolve(import.meta.dirname, '../../../../../eventing');
const wiring = readWiring(shipped, functionNames());

// ingress ---> exchange kickoff ---> ml ---[source]---> Broker ---[Trigger predict]---> predict
describe.skipIf('missing' in need)('the shipped wiring on RabbitMQ', () => {
  const { folder, remove } = temporaryFolder();
  const { got, send } = recorder(() => ({}));
  let rabbit: Rabbit;
  let eventing: Eventing;
  let model: ChannelModel;
  let channel: ConfirmChannel;

  beforeAll(async () => {
    rabbit = await startRabbit('path' in need ? need.path : '');
    const log = () => undefined;
    eventing = await startEventing({ wiring, amqpUrl: rabbit.url, stateFolder: folder, send, log });
    model = await connect(rabbit.url, { noDelay: true });
    channel = await model.createConfirmChannel();
  });
  afterAll(async () => {
    await model.close();
    await eventing.close(1000);
    await rabbit.remove();
    remove();
  });

  async function publish(body: string): Promise<void> {
    channel.publish('kickoff', 'ml', Buffer.from(body), {
      contentType: 'application/cloudevents+json',
      persistent: true,
      mandatory: true,
    });
    await channel.waitForConfirms();
  }

  test('a message that is no event is a dead letter in ml.dead', async () => {
    await publish('{no event');
    const message = await until(async () => {
      const got = await channel.get('ml.dead', { noAck: true });
      return got === false ? undefined : got;
    });
    expect(message.content.toString()).toBe('{no event');
    expect(got).toEqual([]);
  });

  test('a structured event reaches predict, its data byte for byte, its trace as headers', async () => {
    const data = '{"requests": [ 1.0 ]}';
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const attributes = { specversion: '1.0', id: '1', source: '/kickoff/ingress', type: requestedType };
    const head = JSON.stringify({ ...attributes, traceparent: trace, correlationid: 'c' }).slice(0, -1);
    await publish(`${head},"datacontenttype":"application/json","data":${data}}`);
    const request = await until(() => got[0]);
    expect(request).toMatchObject({
      url: 'http://predict.kickoff.svc.cluster.local',
      headers: { 'ce-id': '1', 'ce-correlationid': 'c', traceparent: trace },
      body: data,
    });
    // The extension does not come out as one: eventing-rabbitmq takes it for the trace context.
    expect(request.headers).not.toHaveProperty('ce-traceparent');
    await until(() => eventing.status().every(({ ready, inFlight }) => ready + inFlight === 0));
  });

  test('a queue ml with other arguments is refused with the remedy', async () => {
    const changed = structuredClone(wiring);
    const [ml] = changed.topology.queues;
    if (ml) ml.arguments['x-max-length'] = 1;
    const starting = startEventing({
      ...{ wiring: changed, amqpUrl: rabbit.url, stateFolder: folder, send, log: () => undefined },
    });
    await expect(starting).rejects.toThrow(/queue ml exists in RabbitMQ with another x-max-length/);
  });
});
