import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../../../../eventing/local/eventing/broker/clock.ts';
import { openEmbedded } from '../../../../../eventing/local/eventing/broker/embedded.ts';
import type { Delivery } from '../../../../../eventing/local/eventing/broker/queues.ts';
import { startSource } from '../../../../../eventing/local/eventing/source/source.ts';
import { until } from '../../../../until.ts';
import { delivery, temporaryFolder } from '../world.ts';

const { folder, remove } = temporaryFolder();
const topology = {
  exchanges: [{ name: 'e', type: 'fanout' as const }],
  queues: [{ name: 'q', arguments: {} }],
  bindings: [{ exchange: 'e', queue: 'q', routingKey: '', arguments: {} }],
};
const message = (messageId: string) => ({ headers: {}, messageId, body: Buffer.from('x') });

afterAll(remove);

test('a publish to an exchange that is not there is refused', async () => {
  const queues = openEmbedded(path.join(folder, 'none.sqlite'));
  await expect(queues.publish('nowhere', '', message('1'))).rejects.toThrow('there is no exchange nowhere');
  await queues.close();
  await expect(queues.publish('e', '', message('1'))).rejects.toThrow('closed');
});

test('a topic exchange whose bindings are patterns is refused: it needs RabbitMQ', async () => {
  const queues = openEmbedded(path.join(folder, 'patterns.sqlite'));
  const exchanges = [{ name: 't', type: 'topic' as const }];
  const binding = { exchange: 't', queue: 'q', arguments: {} };
  const declared = { exchanges, queues: topology.queues, bindings: [{ ...binding, routingKey: 'a.*' }] };
  await expect(queues.declare(declared)).rejects.toThrow(/binding of q to t: patterns need RabbitMQ/);
  await queues.declare({ ...declared, bindings: [{ ...binding, routingKey: 'a.b' }] });
  await queues.publish('t', 'a.b', message('1'));
  await queues.publish('t', 'a.c', message('2'));
  expect(queues.counts()).toEqual([{ queue: 'q', ready: 1, inFlight: 0 }]);
  await queues.close();
});

test('a queue that drops its head keeps the newest, also over a restart', async () => {
  const file = path.join(folder, 'bounded.sqlite');
  const bounded = (bytes: number) => ({
    ...topology,
    queues: [{ name: 'q', arguments: { 'x-max-length-bytes': bytes, 'x-overflow': 'drop-head' } }],
  });
  let queues = openEmbedded(file);
  await queues.declare(bounded(100));
  const sized = (id: string) => ({ ...message(id), body: Buffer.alloc(30, 'x') });
  for (const id of ['1', '2', '3', '4', '5']) await queues.publish('e', '', sized(id));
  expect(queues.counts()).toEqual([{ queue: 'q', ready: 3, inFlight: 0 }]);
  await queues.close();
  queues = openEmbedded(file);
  await queues.declare(bounded(60));
  const got: string[] = [];
  await queues.consume('q', 10, ({ messageId = '' }) => got.push(messageId));
  await until(() => got.length > 0);
  expect(got).toEqual(['4', '5']);
  await queues.close();
});

test('a second process on the same file is refused', async () => {
  const file = path.join(folder, 'locked.sqlite');
  const queues = openEmbedded(file);
  expect(() => openEmbedded(file)).toThrow(/locked.*Close what else has the file open/);
  await queues.close();
});

test('a damaged file is refused before a message of it has its turn, and stays', async () => {
  const file = path.join(folder, 'damaged.sqlite');
  const queues = openEmbedded(file);
  await queues.declare(topology);
  const large = { ...message('1'), body: Buffer.alloc(20_000, 'x') };
  await Promise.all(Array.from({ length: 20 }, () => queues.publish('e', '', large)));
  await queues.close();
  const content = await readFile(file);
  const damaged = Buffer.from(content).fill(0xff, 4096 * 6, 4096 * 7);
  await writeFile(file, damaged);
  expect(() => openEmbedded(file)).toThrow(/damaged\.sqlite cannot be used: .*moved away/s);
  expect(await readFile(file)).toEqual(damaged);
});

test('a consumer holds no more than its prefetch, in the order of the queue', async () => {
  const queues = openEmbedded(path.join(folder, 'prefetch.sqlite'));
  await queues.declare(topology);
  const got: Delivery[] = [];
  await queues.consume('q', 3, (delivery) => got.push(delivery));
  await Promise.all(['1', '2', '3', '4', '5'].map((id) => queues.publish('e', '', message(id))));
  expect(got.map(({ messageId }) => messageId)).toEqual(['1', '2', '3']);
  expect(queues.counts()).toEqual([{ queue: 'q', ready: 2, inFlight: 3 }]);
  got[1]?.ack();
  got[1]?.ack();
  expect(got.map(({ messageId }) => messageId)).toEqual(['1', '2', '3', '4']);
  await queues.close();
});

test('killed in mid-flight, again and again: nothing confirmed is lost, nothing is delivered after its ack', async () => {
  const file = path.join(folder, 'killed.sqlite');
  const published = new Set<string>();
  const acked = new Set<string>();
  const again = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'embedded-child.ts'), file, String(round * 1_000_000)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const before = new Set(acked);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await until(() => text.includes(`published ${round * 1_000_000 + 200}\n`), { deadline: 20_000 });
    child.kill('SIGKILL');
    await once(child, 'close');
    // The last line may be cut; whatever it says has not been said.
    for (const line of text.split('\n').slice(0, -1)) {
      const [what, id = ''] = line.split(' ');
      if (what === 'published') published.add(id);
      if (what === 'acked') acked.add(id);
      if (what === 'got' && before.has(id)) again.add(id);
    }
  }
  expect([...again]).toEqual([]);
  const queues = openEmbedded(file);
  const left = new Set<string>();
  await queues.consume('q', 1_000_000, ({ messageId = '', redelivered }) => {
    expect(redelivered).toBe(true);
    left.add(messageId);
  });
  await until(() => queues.counts().every(({ ready }) => ready === 0));
  await queues.close();
  expect(published.size).toBeGreaterThan(800);
  expect([...published].filter((id) => !left.has(id) && Number(id) % 3 === 0)).toEqual([]);
  expect([...acked].filter((id) => left.has(id))).toEqual([]);
});

test('what a source refuses is among the dead letters of its queue, and the log says so', async () => {
  const queues = openEmbedded(path.join(folder, 'refused.sqlite'));
  await queues.declare({
    exchanges: [...topology.exchanges, { name: 'e.dead', type: 'fanout' }],
    queues: [
      { name: 'q', arguments: { 'x-dead-letter-exchange': 'e.dead' } },
      { name: 'q.dead', arguments: {} },
    ],
    bindings: [...topology.bindings, { exchange: 'e.dead', queue: 'q.dead', routingKey: '', arguments: {} }],
  });
  const lines: string[] = [];
  const { signal } = new AbortController();
  const { backoffPolicy, backoffDelayMs } = delivery;
  const source = await startSource({
    source: {
      ...{ name: 's', queue: 'q', parallelism: 1, sink: 'http://nowhere' },
      delivery: { retry: 0, backoffPolicy, backoffDelayMs },
    },
    ...{ namespace: 'kickoff', queues, clock: systemClock, stopping: signal, cutting: signal },
    send: () => Promise.reject(new Error('it must not be sent')),
    log: (_, line) => lines.push(line),
  });
  const body = Buffer.from('{nope');
  await queues.publish('e', '', { headers: {}, contentType: 'application/cloudevents+json', body });
  await until(() => queues.counts().some(({ queue, ready }) => queue === 'q.dead' && ready === 1));
  expect(lines).toEqual([
    expect.stringMatching(/^refused a message of queue q: .*; it is among the queue's dead letters/),
  ]);
  await source.stop();
  await queues.close();
});
