import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, type ChannelModel } from 'amqplib';
import type { Document } from '../../manifests/commands/yaml/bundle.ts';
import { replaceImmutable } from '../../manifests/commands/replace.ts';
import { debian } from '../needs.ts';
import type { Rabbit } from '../servers/rabbitmq.ts';
import { until } from '../until.ts';
import type { Stored } from './api-server.ts';
import { secretOf, startApi, startManaged, type Api } from './platform.ts';

const kubectl = await debian('kubectl', 'kubernetes-client');
const server = await debian('rabbitmq-server', 'rabbitmq-server');

const meta = (name: string): Stored['metadata'] => ({ name, namespace: 'kickoff' });
const source: Stored = {
  apiVersion: 'sources.knative.dev/v1alpha1',
  kind: 'RabbitmqSource',
  metadata: meta('ml'),
  spec: { rabbitmqResourcesConfig: { queueName: 'ml', parallelism: 20 } },
};
const trigger = (type: string): Stored => ({
  apiVersion: 'eventing.knative.dev/v1',
  kind: 'Trigger',
  metadata: meta('predict'),
  spec: { broker: 'kickoff', filter: { attributes: { type } } },
});
const documents = (...objects: Stored[]): Document[] => objects as unknown as Document[];

describe.skipIf('missing' in kubectl || 'missing' in server)(
  'what cannot be changed is replaced, beside a real RabbitMQ',
  { timeout: 120_000 },
  () => {
    let api: Api;
    let rabbit: Rabbit;
    let amqp: ChannelModel;
    let management: number;

    beforeAll(async () => {
      if (!('path' in server)) return;
      api = await startApi();
      ({ rabbit, management } = await startManaged(server.path));
      amqp = await connect(rabbit.url);
    });
    afterAll(async () => {
      await amqp.close();
      await rabbit.remove();
      await api.close();
    });
    beforeEach(() => {
      api.objects.clear();
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kickoff' } });
      const uri = `http://127.0.0.1:${management}`;
      api.put(secretOf('rabbitmq', { uri, username: 'guest', password: 'guest' }));
    });
    const live = (key: string): Stored | undefined => api.objects.get(key);
    const sourceKey = 'sources.knative.dev/v1alpha1/rabbitmqsources/kickoff/ml';
    const triggerKey = 'eventing.knative.dev/v1/triggers/kickoff/predict';

    test('messages that nobody takes: refused with their queue, the source made again, the Trigger untouched', async () => {
      api.put(structuredClone(source));
      api.put(trigger('old'));
      const channel = await amqp.createConfirmChannel();
      const queue = 'kickoff.predict.7b21e54a';
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      channel.sendToQueue(queue, Buffer.from('{}'), { persistent: true });
      await channel.waitForConfirms();
      const wanted = documents(structuredClone(source), trigger('new'));
      const said: string[] = [];
      const failed = replaceImmutable(wanted, 'kickoff', (line) => said.push(line), 20_000);
      await expect(failed).rejects.toThrow(
        /nothing was replaced; after 20 s messages are left: kickoff.predict.7b21e54a 1/,
      );
      expect(live(triggerKey)).toMatchObject({ spec: { filter: { attributes: { type: 'old' } } } });
      expect(live(sourceKey)).toBeDefined();
      await channel.deleteQueue(queue);
    });

    test('a Trigger of another filter: its queue is emptied first, while the source is away', async () => {
      api.put(structuredClone(source));
      api.put(trigger('old'));
      const channel = await amqp.createConfirmChannel();
      const queue = 'kickoff.predict.7b21e54a';
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      await channel.assertQueue('of-others', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      for (const name of [queue, 'of-others'])
        channel.sendToQueue(name, Buffer.from('{}'), { persistent: true });
      await channel.waitForConfirms();
      const said: string[] = [];
      let emptied = false;
      const replacing = replaceImmutable(
        documents(structuredClone(source), trigger('new')),
        'kickoff',
        (line) => {
          said.push(line);
          if (line.includes('"predict" deleted')) expect(emptied).toBe(true);
        },
      );
      replacing.catch(() => undefined);
      await until(() => live(sourceKey) === undefined, { deadline: 30_000, what: 'the source is deleted' });
      expect(live(triggerKey)).toMatchObject({ spec: { filter: { attributes: { type: 'old' } } } });
      await until(async () => Boolean(await channel.get(queue, { noAck: true })), {
        deadline: 10_000,
        what: 'the message is taken',
      });
      emptied = true;
      await replacing;
      expect(live(triggerKey)).toMatchObject({ spec: { filter: { attributes: { type: 'new' } } } });
      expect(live(sourceKey)).toBeDefined();
      expect(said[0]).toBe(
        'Trigger/predict differs and cannot be changed. With it goes its queue, which is emptied first.',
      );
      for (const name of [queue, 'of-others']) await channel.deleteQueue(name);
    });

    test('a source: no queue goes with it, so that RabbitMQ is not asked', async () => {
      api.put({ ...structuredClone(source), spec: { rabbitmqResourcesConfig: { queueName: 'other' } } });
      api.objects.delete('v1/secrets/kickoff/rabbitmq');
      const said: string[] = [];
      await replaceImmutable(documents(structuredClone(source)), 'kickoff', (line) => said.push(line));
      expect(said[0]).toMatch(/^RabbitmqSource\/ml differs.*nothing: events wait in queue ml/);
      expect(live(sourceKey)).toMatchObject({ spec: source['spec'] });
    });

    test('defaults that the API has added are no difference, and nothing happens', async () => {
      const spec = source['spec'] as object;
      api.put({ ...structuredClone(source), spec: { ...spec, serviceAccountName: 'default' } });
      api.put(trigger('same'));
      const version = live(triggerKey)?.metadata.resourceVersion;
      const said: string[] = [];
      await replaceImmutable(documents(source, trigger('same')), 'kickoff', (line) => said.push(line));
      expect(said).toEqual(['nothing to replace: what cannot be changed is as the files say']);
      expect(live(triggerKey)?.metadata.resourceVersion).toBe(version);
    });
  },
);
