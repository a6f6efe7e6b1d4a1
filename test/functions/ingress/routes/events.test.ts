import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event } from '../../../../functions/shared/events/cloudevents.ts';
import { completedType, requestedType } from '../../../../functions/shared/events/events.ts';
import { newId } from '../../../../functions/shared/id.ts';
import { type ProcessWorld, startProcessWorld } from '../../../conformance/world.ts';
import { until } from '../../../until.ts';

let world: ProcessWorld;
beforeAll(async () => {
  world = await startProcessWorld();
});
afterAll(async () => {
  await world.close();
});

const fixture = { home: 'Arsenal', away: 'Chelsea' };
const event = (requests: object[]) => ({
  specversion: '1.0',
  id: newId(),
  source: '/test/producer',
  type: requestedType,
  correlationid: 'order 7',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: { requests, replyTo: 'producer' },
});
const post = (body: unknown, type = 'application/cloudevents+json'): Promise<Response> =>
  world.request('/v1/events', {
    method: 'POST',
    headers: { 'content-type': type },
    body: JSON.stringify(body),
  });
const sends = ({ type, data }: Event, id: string): boolean =>
  type === requestedType && JSON.stringify(data).includes(id);
const completedFor = (id: string) =>
  world.published.find(({ type, data }) => type === completedType && JSON.stringify(data).includes(id));

test('an event that is refused leaves no trace: nothing published, nothing in the ledger', async () => {
  const id = newId();
  const good = event([{ id, ...fixture }]);
  expect((await post([good, { ...good, id: '' }], 'application/cloudevents-batch+json')).status).toBe(400);
  const many = Array.from({ length: 1001 }, () => ({ id: newId(), ...fixture }));
  expect((await post(event(many))).status).toBe(422);
  expect((await post(event([{ id: `${newId()}.3`, ...fixture }]))).status).toBe(422);
  const none = (await (await post(event([]))).json()) as object;
  expect(none).toMatchObject({
    errors: [{ pointer: '/data/requests', detail: 'must have at least one request' }],
  });
  const twice = await post(
    event([
      { id, ...fixture },
      { id, home: 'Everton', away: 'Fulham' },
    ]),
  );
  expect(twice.status).toBe(422);
  expect(await twice.json()).toMatchObject({ errors: [{ pointer: '/data/requests/1/id' }] });
  const lines = event([{ id: newId(), ...fixture }]);
  lines.data.replyTo = 'a\ns\t0';
  expect((await post(lines)).status).toBe(422);
  expect(world.published).toEqual([]);
  expect((await world.store.audit()).accepted).toBe(0);
});

describe('a string that CloudEvents forbids is refused by name', () => {
  test.each([
    ['id', 'a\nb', 'U+000A'],
    ['type', `${requestedType}\u007f`, 'U+007F'],
    ['subject', 'a\u0085', 'U+0085'],
    ['correlationid', 'a\tb', 'U+0009'],
    ['correlationid', 'a\ud83d', 'U+D83D'],
    ['correlationid', '\u{1fffe}', 'U+1FFFE'],
  ])('in %s: %j', async (name, value, code) => {
    const sent = { ...event([{ id: newId(), ...fixture }]), [name]: value };
    const { published } = world;
    const before = published.length;
    for (const response of [await post(sent), await post([sent], 'application/cloudevents-batch+json')]) {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        detail: expect.stringContaining(`attribute ${name} holds ${code}`) as unknown,
      });
    }
    expect(published.length).toBe(before);
  });

  test('also where it is percent-encoded, in binary mode', async () => {
    const { data, ...attributes } = { ...event([{ id: newId(), ...fixture }]), correlationid: 'a%0Ab' };
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]),
    );
    const response = await world.request('/v1/events', {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(data),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('attribute correlationid holds U+000A');
  });

  test('and no other: any letter, data, numbers and booleans', async () => {
    const id = newId();
    const sent = { ...event([{ id, ...fixture }]), correlationid: 'größe 東京 😀', number: 7, truth: false };
    sent.data.replyTo = 'a\tb';
    expect((await post(sent)).status).toBe(202);
    expect(await until(() => completedFor(id))).toMatchObject({ correlationid: 'größe 東京 😀' });
  });
});

test('what a producer gave comes back to it in an event of its own, though the prediction is cached', async () => {
  const asked = await world.request('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fixture),
  });
  expect(asked.status).toBe(200);
  const id = newId();
  expect((await post(event([{ id, ...fixture }]))).status).toBe(202);
  const completed = await until(() => completedFor(id));
  expect(completed['correlationid']).toBe('order 7');
  expect(completed['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  expect(completed.data).toMatchObject({ replyTo: 'producer', outcomes: [{ id, status: 'done' }] });
});

test('two events of one producer, whatever their names, are answered each for itself and count no duplicate', async () => {
  const requests = [newId(), newId()].map((id) => ({ id, ...fixture, away: 'Everton' }));
  world.predictAway = true;
  for (const request of requests) expect((await post(event([request]))).status).toBe(202);
  await until(() => requests.every(({ id }) => world.published.some((one) => sends(one, id))));
  world.predictAway = false;
  const { duplicates } = await world.store.audit();
  for (const { id } of requests)
    for (const one of world.published.filter((published) => sends(published, id))) await world.deliver(one);
  for (const { id } of requests) expect((await world.store.find(id)).status).toBe('done');
  expect((await world.store.audit()).duplicates).toBe(duplicates);
});

test('the same event again, at once and later, ends in one result and is not published when it is done', async () => {
  const id = newId();
  const same = event([{ id, ...fixture }]);
  const responses = await Promise.all([post(same), post(same), post(same)]);
  expect(responses.map(({ status }) => status)).toEqual([202, 202, 202]);
  await until(async () => (await world.store.find(id)).status === 'done');
  const before = world.published.length;
  const { done, accepted, open } = await world.store.audit();
  expect((await post(same)).status).toBe(202);
  expect(world.published.length).toBe(before);
  expect(await world.store.audit()).toMatchObject({ done, accepted, open, unaccounted: [] });
});
