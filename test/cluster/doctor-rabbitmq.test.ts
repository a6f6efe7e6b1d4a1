import { connect, type ChannelModel } from 'amqplib';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../manifests/commands/doctor/finding.ts';
import { doorOf } from '../../manifests/commands/doctor/producers.ts';
import { rabbitFindings } from '../../manifests/commands/doctor/rabbitmq.ts';
import { parseDocuments } from '../../manifests/commands/yaml/bundle.ts';
import { debian } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import type { Rabbit } from '../servers/rabbitmq.ts';
import { until } from '../until.ts';
import { secretOf, startApi, startManaged, type Api } from './platform.ts';

const kubectl = await debian('kubectl', 'kubernetes-client');
const server = await debian('rabbitmq-server', 'rabbitmq-server');
const producer = path.resolve(import.meta.dirname, '../../eventing/producer.yaml');
const door = doorOf(parseDocuments(readFileSync(producer, 'utf8')));

describe.skipIf('missing' in kubectl || 'missing' in server)(
  'what the doctor sees in a real RabbitMQ',
  { timeout: 120_000 },
  () => {
    let api: Api;
    let rabbit: Rabbit;
    let amqp: ChannelModel;
    let management: number;

    beforeAll(async () => {
      if (!('path' in server)) return;
      api = await startApi();
      ({ rabbit, management } = await startManaged(server.path, ['collect_statistics_interval = 1000']));
      amqp = await connect(rabbit.url, { clientProperties: { connection_name: 'orders' } });
    });
    afterAll(async () => {
      await amqp.close();
      await rabbit.remove();
      await api.close();
    });
    beforeEach(() => {
      api.objects.clear();
      secret('guest', 'guest');
    });

    function secret(
      username: string,
      password: string,
      port = management,
      uri = `http://127.0.0.1:${port}`,
    ): void {
      api.put(secretOf('rabbitmq', { uri, username, password }));
    }
    const findings = (): Promise<Finding[]> => rabbitFindings('kickoff', door);
    const about = async (words: RegExp): Promise<Finding | undefined> =>
      (await findings()).find(({ text }) => words.test(text));

    test('a management API that does not answer is one fault', async () => {
      secret('guest', 'guest', await freePort());
      expect(await findings()).toEqual([
        expect.objectContaining({ ok: false, text: expect.stringContaining('does not answer') as string }),
      ]);
    });

    test('a Service that is missing: the fault of a RabbitMQ of your own; our own is not applied yet', async () => {
      secret('guest', 'guest', management, 'http://mq.queues.svc:15672');
      expect(await findings()).toEqual([
        expect.objectContaining({
          ok: false,
          text: expect.stringMatching(/service\/mq in queues/) as string,
        }),
      ]);
      secret('guest', 'guest', management, 'http://rabbitmq.kickoff.svc.cluster.local:15672');
      expect(await findings()).toEqual([
        expect.objectContaining({ ok: true, text: 'RabbitMQ in kickoff is not applied yet' }),
      ]);
    });

    test('the user of Kickoff that somebody else uses, by address and name', async () => {
      await until(async () => (await about(/^RabbitMQ user guest/))?.ok === false, { deadline: 30_000 });
      expect(await about(/^RabbitMQ user guest/)).toMatchObject({
        text: 'RabbitMQ user guest is shared: also used from 127.0.0.1 (orders)',
        remedy: expect.stringContaining('give that one Secret `producer`') as string,
      });
      api.put({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'ingress-1', namespace: 'kickoff' },
        status: { podIP: '127.0.0.1' },
      });
      expect(await about(/^RabbitMQ user guest/)).toMatchObject({ ok: true });
    });

    test('messages that nobody took, with their number', async () => {
      const channel = await amqp.createConfirmChannel();
      await channel.assertQueue('ml.dead', { arguments: { 'x-queue-type': 'quorum' } });
      channel.sendToQueue('ml.dead', Buffer.from('x'), { persistent: true });
      await channel.waitForConfirms();
      await until(async () => (await about(/ml\.dead: 1 messages/))?.ok === false, { deadline: 30_000 });
      // As docs/operating.md looks at them: they stay.
      const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/operating.md'), 'utf8');
      const [, where = '', body = ''] = /localhost:15672(\/api\/\S+) -d '(.*?)'/.exec(page) ?? [];
      const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
      const url = `http://127.0.0.1:${management}${where}`;
      const shown = await (await fetch(url, { method: 'POST', headers: { authorization }, body })).json();
      expect(shown).toMatchObject([{ payload: 'x', routing_key: 'ml.dead' }]);
      await until(async () => (await channel.checkQueue('ml.dead')).messageCount === 1);
      await channel.purgeQueue('ml.dead');
      await until(async () => (await about(/ml\.dead: 0 messages/))?.ok === true, { deadline: 30_000 });
    });

    test('producers without a user of their own, with too wide a one, and with the right one', async () => {
      const seen = async () => {
        const finding = await about(/^producers on RabbitMQ/);
        return [finding?.ok, finding?.text.replace(/^.* kickoff-producer /, '')];
      };
      expect(await seen()).toEqual([false, expect.stringContaining('does not exist')]);
      await rabbit.ctl('add_user', 'kickoff-producer', 'x');
      expect(await seen()).toEqual([false, 'has no rights']);
      await rabbit.ctl('set_permissions', 'kickoff-producer', '.*', '.*', '.*');
      expect(await seen()).toEqual([false, 'may declare and delete']);
      await rabbit.ctl('set_permissions', 'kickoff-producer', '^$', '^kickoff\\.requests$', '^$');
      expect(await seen()).toEqual([false, expect.stringContaining('another key')]);
      await rabbit.ctl('set_topic_permissions', 'kickoff-producer', 'kickoff.requests', '^ml$', '^$');
      expect(await seen()).toEqual([true, 'may publish to kickoff.requests with ml, and do nothing else']);
    });

    test('a user that may not see users is told the tag that it lacks; the rest is seen', async () => {
      await rabbit.ctl('add_user', 'mine', 'mine');
      await rabbit.ctl('set_permissions', 'mine', '.*', '.*', '.*');
      await rabbit.ctl('set_user_tags', 'mine', 'policymaker');
      secret('mine', 'mine');
      const found = await findings();
      expect(found.filter(({ ok }) => !ok)).toEqual([
        expect.objectContaining({ text: expect.stringMatching(/needs the tag `administrator`/) as string }),
      ]);
      expect(found).toHaveLength(3);
    });
  },
);
