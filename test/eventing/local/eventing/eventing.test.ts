import { afterAll, afterEach, expect, test } from 'vitest';
import { startEventing } from '../../../../eventing/local/eventing/eventing.ts';
import type { Eventing } from '../../../../eventing/local/seams.ts';
import { until } from '../../../until.ts';
import { delivery, eventPost, recorder, temporaryFolder, trigger, wiringOf } from './world.ts';

const { folder, remove } = temporaryFolder();
let running: Eventing | undefined;
let stateNumber = 0;

async function start(options: Omit<Parameters<typeof startEventing>[0], 'stateFolder' | 'log'>) {
  const lines: string[] = [];
  running = await startEventing({
    ...options,
    stateFolder: `${folder}/${++stateNumber}`,
    log: (part, line) => lines.push(`${part}: ${line}`),
  });
  return { eventing: running, lines };
}

afterEach(async () => {
  await running?.close(1000);
});
afterAll(remove);

test('an event that is none is refused with 400 and reaches nobody', async () => {
  const { got, send } = recorder(() => ({}));
  const { eventing } = await start({ wiring: wiringOf([trigger('all', 'x', { filter: {} })]), send });
  const { status } = await eventing.ingress(eventPost('x', { 'ce-id': '' }));
  expect(status).toBe(400);
  expect((await eventing.ingress(eventPost('x', { 'ce-my_ext': 'v' }))).status).toBe(400);
  expect(got).toEqual([]);
});

test('a failing event is retried, then its dead letter goes to the sink with code and destination', async () => {
  const { got, send } = recorder(({ url }) => ({ status: url.includes('//dead') ? 202 : 500 }));
  const { eventing } = await start({ wiring: wiringOf([trigger('predict', 'x')]), send });
  expect((await eventing.ingress(eventPost('x'))).status).toBe(202);
  await until(() => got.length === 4);
  expect(got.map(({ url }) => url.split('.')[0])).toEqual([
    ...['http://predict', 'http://predict', 'http://predict', 'http://dead'],
  ]);
  expect(got[3]?.headers).toMatchObject({
    'ce-knativeerrorcode': '500',
    'ce-knativeerrordest': 'http://predict.kickoff.svc.cluster.local',
    'content-type': 'application/json',
  });
  await until(() => eventing.status().every(({ ready, inFlight }) => ready + inFlight === 0));
});

test('a 400 counts as delivered: one attempt, no dead letter', async () => {
  const { got, send } = recorder(() => ({ status: 400 }));
  const { eventing } = await start({ wiring: wiringOf([trigger('predict', 'x')]), send });
  await eventing.ingress(eventPost('x'));
  await until(() => got.length === 1);
  await until(() => eventing.status().every(({ ready, inFlight }) => ready + inFlight === 0));
  expect(got).toHaveLength(1);
});

test('a delivery without a dead-letter sink is warned of, and its failed events are dropped', async () => {
  const { got, send } = recorder(() => ({ status: 500 }));
  const without = { ...delivery, retry: 0, deadLetterSink: undefined };
  const { eventing, lines } = await start({
    wiring: wiringOf([trigger('predict', 'x', { delivery: without })]),
    send,
  });
  expect(lines.join('\n')).toMatch(/WARNING: Trigger predict .*LOST/);
  await eventing.ingress(eventPost('x'));
  await until(() => lines.some((line) => line.includes('is lost: there is no dead-letter sink')));
  expect(got).toHaveLength(1);
});

test('a reply that is no valid event sends the original to the dead-letter sink, one that cannot be read counts as none', async () => {
  const reply = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/predict' };
  const { got, send } = recorder(({ url, headers }) => {
    if (url.includes('//dead')) return {};
    const unreadable = headers['ce-id'] === 'unreadable' ? { 'ce-my_ext': 'v', 'ce-type': 'y' } : {};
    return { status: 200, headers: { ...reply, ...unreadable } };
  });
  const { eventing, lines } = await start({ wiring: wiringOf([trigger('predict', 'x')]), send });
  await eventing.ingress(eventPost('x', { 'ce-id': 'unreadable' }));
  await until(() => lines.some((line) => line.includes('cannot be read')));
  await eventing.ingress(eventPost('x', { 'ce-id': 'invalid' }));
  await until(() => got.length === 3);
  expect(got[2]?.headers).toMatchObject({ 'ce-id': 'invalid', 'ce-knativeerrorcode': '200' });
});

test('a reply goes back through the Broker to the next function', async () => {
  const reply = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/predict', 'ce-type': 'y' };
  const { got, send } = recorder(({ url }) =>
    url.includes('//predict') ? { status: 200, headers: reply, body: Buffer.from('done') } : {},
  );
  const { eventing } = await start({
    wiring: wiringOf([trigger('predict', 'x'), trigger('store', 'y')]),
    send,
  });
  await eventing.ingress(eventPost('x', { 'ce-correlationid': 'c' }));
  await until(() => got.length === 2);
  expect(got[1]).toMatchObject({
    url: 'http://store.kickoff.svc.cluster.local',
    headers: { 'ce-id': 'r1', 'ce-type': 'y' },
    body: 'done',
  });
  // Nothing of the original event is copied to a reply.
  expect(got[1]?.headers).not.toHaveProperty('ce-correlationid');
});

test('what is in flight at a close is cut at the deadline and comes again at the next start', async () => {
  let hang = true;
  const { got, send } = recorder(() => ({}));
  const hanging: typeof send = async (url, request, options) => {
    const answer = await send(url, request, options);
    if (!hang) return answer;
    return new Promise((_, reject) =>
      options?.signal?.addEventListener('abort', () => {
        reject(new Error('cut'));
      }),
    );
  };
  const wiring = wiringOf([trigger('predict', 'x')]);
  const stateFolder = `${folder}/again`;
  const log = () => undefined;
  const first = await startEventing({ wiring, send: hanging, stateFolder, log });
  await first.ingress(eventPost('x'));
  await until(() => got.length === 1);
  await first.close(20);
  hang = false;
  running = await startEventing({ wiring, send: hanging, stateFolder, log });
  await until(() => got.length === 2);
  expect(got[1]?.body).toBe('{"a":1}');
});
