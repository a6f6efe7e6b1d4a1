import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attributeBounds } from '../../../../functions/ingress/src/routes/attributes.ts';
import { createEvent, type Event } from '../../../../functions/shared/events/cloudevents.ts';
import { completedType, requestedType } from '../../../../functions/shared/events/events.ts';
import { ledgerId } from '../../../../functions/shared/identity.ts';
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
const ledger = (id: string, source = '/test/producer'): string => ledgerId({ source, id });
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

test('a source that is ours is refused', async () => {
  const before = world.published.length;
  const response = await post({ ...event([{ id: newId(), ...fixture }]), source: '/kickoff/ingress' });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ errors: [{ pointer: '/source' }] });
  expect(world.published.length).toBe(before);
});

describe('an id', () => {
  const everton = { home: 'Everton', away: 'Chelsea' };
  const results = async (response: Response) => {
    expect(response.status).toBe(202);
    const { accepted } = (await response.json()) as {
      accepted: { id: string; requests: { id: string; location: string }[] }[];
    };
    return accepted.flatMap(({ requests }) => requests);
  };
  const answer = async ({ location }: { location: string }) =>
    (await (await world.request(location)).json()) as { status: string; prediction: object };

  test.each(['open', 'ended'])(
    'that is %s with other teams is refused with 409, all of the event',
    async (state) => {
      world.predictAway = state === 'open';
      const [mine, other] = [newId(), newId()];
      expect((await post(event([{ id: mine, ...fixture }]))).status).toBe(202);
      await until(() => world.published.some((one) => sends(one, mine)));
      if (state === 'ended')
        await until(async () => (await world.store.find(ledger(mine))).status === 'done');
      const before = world.published.length;
      const response = await post(
        event([
          { id: other, ...everton },
          { id: mine, ...everton },
        ]),
      );
      expect(response.status).toBe(409);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ errors: [{ pointer: '/data/requests/1/id' }] });
      const batch = [event([{ id: newId(), ...everton }]), event([{ id: mine, ...everton }])];
      const second = await post(batch, 'application/cloudevents-batch+json');
      expect(await second.json()).toMatchObject({
        status: 409,
        errors: [{ pointer: '/1/data/requests/0/id' }],
      });
      expect(world.published.length).toBe(before);
      expect((await world.store.find(ledger(other))).status).toBe('unknown');
      world.predictAway = false;
    },
  );

  test('of another producer, or of a job of ingress, is another request', async () => {
    world.predictAway = true;
    const asked = await world.request('/v1/predictions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify({ home: 'Brentford', away: 'Arsenal' }),
    });
    const { id } = (await asked.json()) as { id: string };
    await until(() => world.published.some((one) => sends(one, id)));
    world.predictAway = false;
    const [one] = await results(await post(event([{ id, ...fixture }])));
    const [two] = await results(await post({ ...event([{ id, ...everton }]), source: '/test/other' }));
    if (!one || !two) throw new Error('two answers');
    expect([one.id, two.id]).toEqual([id, id]);
    expect(one.location).toBe(`/v1/predictions/${ledger(id)}`);
    await until(async () => (await answer(one)).status === 'done' && (await answer(two)).status === 'done');
    expect(await answer(one)).toMatchObject({ prediction: fixture });
    expect(await answer(two)).toMatchObject({ prediction: everton });
    expect((await world.store.find(id)).status).toBe('queued');
  });

  test('that comes by the broker with other teams changes nothing for who asked first, nor for who joined', async () => {
    world.predictAway = true;
    const id = newId();
    const forged = createEvent({
      ...{ id: newId(), source: '/test/producer', type: requestedType },
      data: { requests: [{ id, ...everton }] },
    });
    await results(await post(event([{ id, ...fixture }])));
    await until(() => world.published.some((one) => sends(one, id)));
    world.predictAway = false;
    await world.deliver(forged);
    expect((await world.store.find(ledger(id))).status).toBe('queued');
    const [first] = world.published.filter((one) => sends(one, id));
    if (first) await world.deliver(first);
    expect(await answer({ location: `/v1/predictions/${ledger(id)}` })).toMatchObject({
      prediction: fixture,
    });
  });
});

describe('an attribute that would arrive changed, or never, is refused by name', () => {
  const { characters, extensions, nameCharacters } = attributeBounds;
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x${n}`, 'a']));
  test.each<[string, object, string]>([
    ['a line end', { id: 'a\nb' }, 'attribute id holds U+000A'],
    ['another control character', { type: `${requestedType}\u007f` }, 'attribute type holds U+007F'],
    ['a letter that is not ASCII', { correlationid: 'größe' }, 'attribute correlationid holds U+00F6'],
    ['an emoji', { correlationid: '😀' }, 'attribute correlationid holds U+1F600'],
    ['half a letter', { correlationid: 'a\ud83d' }, 'attribute correlationid holds U+D83D'],
    ['a percent sign', { correlationid: '50% off' }, 'attribute correlationid holds U+0025'],
    ['an escape', { subject: 'order%2F7' }, 'attribute subject holds U+0025'],
    ['a blank at its end', { correlationid: 'a ' }, 'attribute correlationid begins or ends with a blank'],
    ['a source with a blank', { source: '/my service' }, 'attribute source must be a URI reference'],
    [
      'a source with a port of letters',
      { source: 'http://h:x/' },
      'attribute source must be a URI reference',
    ],
    ['a source with a colon first', { source: '1:2' }, 'attribute source must be a URI reference'],
    [
      'a source with a scheme of no kind',
      { source: 'team_a:service' },
      'attribute source must be a URI reference',
    ],
    ['a source without a scheme', { source: '//team/service' }, 'attribute source must be a URI reference'],
    ['a source in capitals', { source: 'HTTP://team.example/' }, 'attribute source must be a URI reference'],
    ['a source with a fragment', { source: '/a#b' }, 'attribute source must be a URI reference'],
    [
      'an id that would not come back',
      { correlationid: 'x'.repeat(characters + 1) },
      `attribute correlationid has ${characters + 1} characters`,
    ],
    [
      'a schema with a fragment',
      { dataschema: 'http://h/s#a' },
      'attribute dataschema must be an absolute URI',
    ],
    [
      'a schema without a scheme',
      { dataschema: '/my/schema' },
      'attribute dataschema must be an absolute URI',
    ],
    [
      'a day that there is not',
      { time: '2026-02-30T00:00:00Z' },
      'attribute time must match format "date-time"',
    ],
    [
      'too many characters',
      { id: 'a'.repeat(characters + 1) },
      `attribute id has ${characters + 1} characters`,
    ],
    ['20 KB', { correlationid: 'a'.repeat(20_000) }, 'attribute correlationid has 20000 characters'],
    [
      'too long a name',
      { ['a'.repeat(nameCharacters + 1)]: 'a' },
      'attribute aaaaaaaaaaaaaaaaaaaa… has a name',
    ],
    ['too many extensions', many(extensions), `${extensions + 1} extensions are too many`],
    ['300 extensions', many(299), '300 extensions are too many'],
    ['more than 32 bits', { number: 3_000_000_000 }, 'attribute number must be a whole number of 32 bits'],
    ['no whole number', { number: 1.5 }, 'attribute number must be a whole number of 32 bits'],
    ['a source that is no text', { source: false }, 'attribute source must be text'],
    ['an object', { number: {} }, 'attribute number must be a string, a number or a boolean'],
    [
      'a year that RFC 3339 has not',
      { time: '+010000-01-01T00:00:00Z' },
      'attribute time must be an RFC 3339',
    ],
  ])('%s', async (_, attributes, detail) => {
    const sent = { ...event([{ id: newId(), ...fixture }]), ...attributes };
    const before = world.published.length;
    const alone = await post(sent);
    expect(alone.status).toBe(400);
    expect(((await alone.json()) as { detail: string }).detail).toContain(detail);
    const batch = await post(
      [event([{ id: newId(), ...fixture }]), sent],
      'application/cloudevents-batch+json',
    );
    expect(batch.status).toBe(400);
    expect(((await batch.json()) as { detail: string }).detail).toContain(`event 1: ${detail}`);
    expect(world.published.length).toBe(before);
  });

  test.each([
    ['a%0Ab', 'U+0025'],
    ['50% off', 'U+0025'],
    [Buffer.from('größe').toString('latin1'), 'U+00F6'],
  ])('in binary mode, where SDKs differ in what they encode: %s', async (correlationid, code) => {
    const { data, ...attributes } = { ...event([{ id: newId(), ...fixture }]), correlationid };
    const headers = Object.entries(attributes).map(([name, value]): [string, string] => [
      `ce-${name}`,
      value,
    ]);
    const response = await world.request('/v1/events', {
      method: 'POST',
      headers: { ...Object.fromEntries(headers), 'content-type': 'application/json' },
      body: JSON.stringify(data),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(`attribute correlationid holds ${code}`);
  });

  test('and no other: numbers and booleans go on as the text that the first hop makes of them', async () => {
    const id = newId();
    const correlationid = `~ "order 7"!`.padEnd(characters, '.');
    const more = { number: -7, least: -2_147_483_648, truth: false, nothing: null, ...many(extensions - 4) };
    const sent = { ...event([{ id, ...fixture }]), correlationid, ...more };
    sent.data.replyTo = 'a\tb 50% größe';
    expect((await post(sent)).status).toBe(202);
    expect(await until(() => completedFor(id))).toMatchObject({ correlationid });
    const requested = world.published.find((one) => sends(one, id));
    expect(requested).toMatchObject({ number: '-7', least: '-2147483648', truth: 'false', x0: 'a' });
    expect(requested).not.toHaveProperty('nothing');
  });

  test('a trace that cannot be carried is left out', async () => {
    const id = newId();
    const traces = { traceparent: 'größe', tracestate: 'a'.repeat(20_000) };
    expect((await post({ ...event([{ id, ...fixture }]), ...traces })).status).toBe(202);
    const requested = await until(() => world.published.find((one) => sends(one, id)));
    expect(requested['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(requested).not.toHaveProperty('tracestate');
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
  expect(completed.data).toMatchObject({
    replyTo: 'producer',
    outcomes: [{ id, source: '/test/producer', status: 'done' }],
  });
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
  for (const { id } of requests) expect((await world.store.find(ledger(id))).status).toBe('done');
  expect((await world.store.audit()).duplicates).toBe(duplicates);
});

test('the same event again, at once and later, ends in one result and is not published when it is done', async () => {
  const id = newId();
  const same = event([{ id, ...fixture }]);
  const responses = await Promise.all([post(same), post(same), post(same)]);
  expect(responses.map(({ status }) => status)).toEqual([202, 202, 202]);
  await until(async () => (await world.store.find(ledger(id))).status === 'done');
  const before = world.published.length;
  const { done, accepted, open } = await world.store.audit();
  expect((await post(same)).status).toBe(202);
  expect(world.published.length).toBe(before);
  expect(await world.store.audit()).toMatchObject({ done, accepted, open, unaccounted: [] });
});
