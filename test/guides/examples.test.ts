import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerNames } from '../../eventing/local/eventing/broker/names.ts';
import type { Event } from '../../functions/shared/events/cloudevents.ts';
import { completedType } from '../../functions/shared/events/events.ts';
import { type Served, serveWorld } from '../browser/served.ts';
import { debian, python } from '../needs.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { makeProducer, producerUrl } from '../servers/producer.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { until } from '../until.ts';

const venv = await python('test/functions/ingress/routes/requirements.txt');
const curl = await debian('curl', 'curl');
const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
const run = promisify(execFile);
/** What a person copies from /docs, in files of this folder. */
const pasted = await mkdtemp(path.join(tmpdir(), 'kickoff-pasted-'));
const example = (name: string): string => path.join(pasted, name);
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

const docs = async ({ world }: Served): Promise<string> => (await world.request('/docs')).text();
const unescape = (html: string): string =>
  html.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

/** The programs that /docs shows, by file. */
async function shown(from: Served): Promise<[file: string, text: string][]> {
  const programs = (await docs(from)).matchAll(
    /<details class="program" id="([\w.]+)">.*?<pre[^>]*><code>(.*?)<\/code><\/pre>/gs,
  );
  return [...programs].map(([, file = '', html = '']) => [file, unescape(html)]);
}

describe('the examples of the docs', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveWorld();
    // A program finds packages where it stands.
    await symlink(path.resolve('node_modules'), path.join(pasted, 'node_modules'));
    for (const [file, text] of await shown(served)) await writeFile(example(file), text);
  });
  afterAll(async () => {
    await served.close();
    await rm(pasted, { recursive: true, force: true });
  });

  test('the first command of /docs, as it is pasted', async () => {
    const [, command = ''] = /<pre[^>]*><code>(curl .*?)<\/code>/s.exec(await docs(served)) ?? [];
    const here = unescape(command).replace('http://localhost:8080', served.url);
    expect(JSON.parse((await run('sh', ['-c', `${here} --silent`])).stdout)).toMatchObject({
      status: 'done',
    });
  });

  async function output(program: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, KICKOFF_URL: served.url };
    return (await run(program, args, { env, timeout: 25_000 })).stdout;
  }
  /** The completed event that answers a producer's program, with what comes back to it. */
  async function completedBy(program: () => Promise<void>): Promise<Event> {
    const before = served.world.published.length;
    await program();
    return until(() =>
      served.world.published
        .slice(before)
        .find(
          ({ type, data }) => type === completedType && (data as { replyTo?: string }).replyTo === 'examples',
        ),
    );
  }

  test.skipIf('missing' in curl)('predict.sh', async () => {
    expect(JSON.parse(await output('sh', example('predict.sh'), 'Arsenal', 'Everton'))).toMatchObject({
      status: 'done',
      prediction: { away: 'Everton' },
    });
    await expect(output('sh', example('predict.sh'), 'Nobody', 'Everton')).rejects.toThrow();
  });

  test('predict.ts', async () => {
    const lines = (await output(process.execPath, example('predict.ts'))).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { status: string }).status)).toEqual([
      'done',
      'done',
      'failed',
    ]);
  });

  test.skipIf('missing' in venv)('predict.py', async () => {
    if ('missing' in venv) return;
    expect(await output(venv.path, example('predict.py'))).toMatch(
      /home \d+\.\d%.*\nmodel match-outcome version \d+/,
    );
  });

  test.skipIf('missing' in curl)('produce.sh', async () => {
    const event = await completedBy(async () => {
      expect(await output('sh', example('produce.sh'))).toMatch(/"status":"done".*"home":"Arsenal"/);
    });
    expect(event['correlationid']).toBe('order-7');
  });

  test('produce.ts', async () => {
    const event = await completedBy(async () => {
      const lines = (await output(process.execPath, example('produce.ts'))).trim().split('\n');
      const statuses = lines.map((line) => (JSON.parse(line) as { status: string }).status);
      expect(statuses).toEqual(['done', 'done']);
    });
    expect(event['correlationid']).toBe('order-7');
  });

  test.skipIf('missing' in venv)('produce.py: replyTo, correlation id and trace come back', async () => {
    if ('missing' in venv) return;
    const event = await completedBy(async () => {
      const state: unknown = JSON.parse(await output(venv.path, example('produce.py')));
      expect(state).toMatchObject({ status: 'done' });
    });
    expect(event['correlationid']).toBe('order-7');
    expect(event['traceparent']).toMatch(new RegExp(`^00-${trace}-`));
  });
});

describe.skipIf('missing' in venv || 'missing' in rabbitmq)('the example of a producer on RabbitMQ', () => {
  test(
    'produce_amqp.py, as the user of producers: its result, and the event with correlation id and trace',
    { timeout: 180_000 },
    async () => {
      if ('missing' in venv || 'missing' in rabbitmq) return;
      const state = await mkdtemp(path.join(tmpdir(), 'kickoff-examples-'));
      const rabbit = await startRabbit(rabbitmq.path);
      try {
        const kickoff = await startKickoff(state, { AMQP_URL: rabbit.url, LOG_LEVEL: 'warn' });
        try {
          await makeProducer(rabbit, 'secret');
          const operator = await connect(rabbit.url);
          const channel = await operator.createChannel();
          const { queue } = await channel.assertQueue('', { exclusive: true });
          const completed = { 'x-match': 'all', type: completedType };
          await channel.bindQueue(queue, brokerNames('kickoff', 'kickoff').exchange, '', completed);
          const url = producerUrl(rabbit, 'secret');
          const env = { ...process.env, AMQP_URL: url, KICKOFF_URL: kickoff.url };
          const { stdout } = await run(venv.path, ['docs/examples/produce_amqp.py'], {
            env,
            timeout: 60_000,
          });
          expect(JSON.parse(stdout)).toMatchObject({ status: 'done', prediction: { home: 'Arsenal' } });
          const message = await channel.get(queue, { noAck: true });
          if (message === false) throw new Error('there is no completed event');
          expect(JSON.parse(message.content.toString())).toMatchObject({
            outcomes: [{ source: '/examples/pika', status: 'done' }],
            replyTo: 'examples',
          });
          const headers = message.properties.headers ?? {};
          expect(headers['correlationid']).toBe('order-7');
          expect(headers['traceparent']).toMatch(new RegExp(`^00-${trace}-`));
          await operator.close();
        } finally {
          await kickoff.stop();
        }
      } finally {
        await rabbit.remove();
        await rm(state, { recursive: true, force: true });
      }
    },
  );
});
