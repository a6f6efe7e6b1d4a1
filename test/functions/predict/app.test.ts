import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { binaryMessage, readEvent } from '../../../functions/shared/events/cloudevents.ts';
import {
  CompletedData,
  completedType,
  refreshType,
  requestedType,
} from '../../../functions/shared/events/events.ts';
import { signedEvent, verify } from '../../../functions/shared/events/signature.ts';
import { fingerprintOf } from '../../../functions/shared/fingerprint.ts';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';
import { keys, keysOf, newKey, signingKey } from '../../signing.ts';

const requestId = (n: number): string => `0190a000-0000-7000-8000-${String(n).padStart(12, '0')}`;

describe('predict', () => {
  let world: ProcessWorld;
  beforeAll(async () => {
    world = await startProcessWorld();
  });
  afterAll(async () => {
    await world.close();
  });

  const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    world.predict('/', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const event = (data: unknown, more: Record<string, unknown> = {}) => ({
    specversion: '1.0',
    id: 'event-1',
    source: '/test',
    type: requestedType,
    data,
    ...more,
  });
  async function completed(response: Response) {
    expect(response.status).toBe(200);
    const { headers } = response;
    const read = await readEvent(
      new Request('http://x/', { method: 'POST', headers, body: await response.text() }),
    );
    return { event: read, data: v.parse(CompletedData, read.data) };
  }

  test('never answers what can never work with 4xx, which the dispatcher would drop: 202 and a line of log', async () => {
    for (const body of [
      '{',
      '[]',
      '{}',
      event({}),
      event({ requests: [] }),
      event(null),
      event({ requests: [{ home: 1 }] }),
    ]) {
      world.logged.length = 0;
      const response = await post(body);
      expect(response.status).toBe(202);
      expect(await response.text()).toBe('');
      expect(world.logged.join('')).toMatch(/dropped/);
    }
    expect((await post(event({}, { type: 'dev.kickoff.other.v1' }))).status).toBe(202);
    expect((await post('hello', { 'content-type': 'text/plain' })).status).toBe(202);
  });

  describe('what is not ours', () => {
    const requests = [{ id: requestId(1), home: 'Arsenal', away: 'Chelsea' }];
    const otherKey = keysOf(newKey());
    const draft = { id: 'event-1', source: '/kickoff/ingress', type: requestedType, data: { requests } };
    const signature = String(signedEvent(draft, keys)['signature']);

    test.each([
      ['unsigned', {}],
      ['mismatch', { signature, id: 'event-2' }],
      ['unknown-key', { signature: String(signedEvent(draft, otherKey)['signature']) }],
    ])('is refused under a source of ours: %s', async (reason, more) => {
      const refused = world.refused(reason);
      world.logged.length = 0;
      for (const source of ['/kickoff/ingress', '/kickoff/cache-write', '/kickoff/']) {
        const response = await post(event({ requests }, { source, ...more }));
        expect([response.status, await response.text()]).toEqual([202, '']);
      }
      expect(world.logged).toHaveLength(3);
      expect(world.logged[0]).toMatch(/refused.*event-/);
      if (reason === 'unknown-key') expect(world.logged[0]).toMatch(/SIGNING_KEYS.*rotation/);
      expect(world.refused(reason)).toBe(refused + 3);
    });

    test('is answered as what a producer asks, without the mark of the sweep', async () => {
      for (const more of [{}, { signature }, { signature: 'v1.made-up' }]) {
        const answer = await completed(
          await post(event({ requests }, { sweep: 'next', correlationid: 'c', ...more })),
        );
        expect(answer.event['correlationid']).toBe('c');
        expect(answer.event['sweep']).toBeUndefined();
      }
      const swept = signedEvent({ ...draft, extensions: { sweep: 'next' } }, keys);
      const ours = await world.predict('/', { method: 'POST', ...binaryMessage(swept) });
      expect((await completed(ours)).event['sweep']).toBe('next');
    });

    test('is no completed event for the challenger', async () => {
      const asked = await completed(await post(event({ requests })));
      const refused = world.refused('unsigned');
      const forged = { ...asked.event.toJSON(), signature: undefined };
      const body = {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(forged),
      };
      const response = await world.predict('/challenger', body);
      expect([response.status, await response.text()]).toEqual([202, '']);
      expect(world.refused('unsigned')).toBe(refused + 1);
    });

    test('does not make it look at the alias', async () => {
      const order = (time: number, by = keys, type = refreshType) =>
        signedEvent(
          { id: '1', source: '/kickoff/ingress', type, data: { time: new Date(time).toISOString() } },
          by,
        );
      const asks = async (init: RequestInit) =>
        world.predict('/v1/model/refresh', { method: 'POST', ...init });
      const minutes = 60_000;
      for (const init of [
        {},
        { body: '{}', headers: { 'content-type': 'application/json' } },
        binaryMessage(order(Date.now(), otherKey)),
        binaryMessage(order(Date.now(), keys, completedType)),
        binaryMessage(order(Date.now()).cloneWith({ data: { time: '2100-01-01T00:00:00Z' } })),
        binaryMessage(order(Date.now() - 6 * minutes)),
        binaryMessage(order(Date.now() + 6 * minutes)),
        binaryMessage(signedEvent({ ...draft, type: refreshType, data: {} }, keys)),
      ]) {
        const response = await asks(init);
        expect(response.status).toBe(401);
        expect(response.headers.get('content-type')).toBe('application/problem+json');
      }
      expect((await asks(binaryMessage(order(Date.now())))).status).toBe(200);
      // While the keys are changed, by either of them.
      expect(
        (await asks(binaryMessage(order(Date.now() - 4 * minutes, keysOf(signingKey, newKey()))))).status,
      ).toBe(200);
    });

    test('its answer is signed, so that it can be told from one that somebody made up', async () => {
      const answer = await completed(await post(event({ requests })));
      expect(verify(answer.event, keys)).toBe('ours');
    });
  });

  test('a request that cannot be read or predicted fails alone', async () => {
    const { data } = await completed(
      await post(
        event({
          requests: [
            { id: requestId(1), home: 'Arsenal', away: 'Chelsea' },
            { id: requestId(2), home: 7, away: 'Chelsea' },
            { id: requestId(3), home: 'Arsenl', away: 'Chelsea' },
            { id: 'no-uuid', home: 'Arsenal', away: 'Chelsea' },
            { id: requestId(4), home: 'Chelsea', away: 'Arsenal', scoreline: true },
            { id: requestId(5), home: 'Chelsea', away: 'Arsenal', kickoff: '2001-01-01' },
          ],
        }),
      ),
    );
    const byId = new Map(data.outcomes.map((outcome) => [outcome.id, outcome]));
    expect([...byId.keys()].sort()).toEqual([1, 2, 3, 4, 5].map(requestId));
    expect(byId.get(requestId(1))).toMatchObject({
      status: 'done',
      prediction: { home: 'Arsenal', league: 'ENG1' },
    });
    expect(byId.get(requestId(1))).not.toHaveProperty('prediction.scoreline');
    expect(byId.get(requestId(2))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('home') as unknown,
    });
    expect(byId.get(requestId(3))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('Arsenal') as unknown,
    });
    expect(byId.get(requestId(4))).toMatchObject({
      status: 'done',
      prediction: { scoreline: expect.any(Array) as unknown },
    });
    expect(byId.get(requestId(5))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('ratings_as_of') as unknown,
    });
  });

  test.each([null, 7, 'x'.repeat(201), 'two\nlines'])(
    'a replyTo that cannot be handed back costs no answer: %j',
    async (replyTo) => {
      world.logged.length = 0;
      const requests = [{ id: requestId(6), home: 'Arsenal', away: 'Chelsea' }];
      const { data } = await completed(await post(event({ requests, replyTo })));
      expect(data.outcomes).toMatchObject([{ id: requestId(6), status: 'done' }]);
      expect(data.replyTo).toBeUndefined();
      expect(world.logged.join('')).toMatch(/replyTo/);
    },
  );

  test('each outcome says who asked, under its own id, and what it answers', async () => {
    const asked = { home: 'arsenal', away: 'Chelsea', scoreline: true };
    const { data } = await completed(
      await post(
        event(
          {
            requests: [
              // What a producer says of others is not believed.
              { id: requestId(1), ...asked, source: '/other', replyTo: 'x', correlationid: 'y' },
              { id: requestId(2), home: 'Arsenl', away: 'Chelsea' },
              { id: requestId(3), home: 7, away: 'Chelsea', source: 7 },
            ],
          },
          { source: '/team/service' },
        ),
      ),
    );
    const source = '/team/service';
    expect(data.outcomes).toMatchObject([
      { id: requestId(1), source, status: 'done', fingerprint: fingerprintOf(asked) },
      { id: requestId(2), source, status: 'failed' },
      { id: requestId(3), source, status: 'failed', fingerprint: '-'.repeat(12) },
    ]);
    for (const outcome of data.outcomes) expect(outcome).not.toHaveProperty('replyTo');
  });

  test('of two requests of an event under one id the first is answered, the other is dropped with a line of log', async () => {
    const first = { id: requestId(1), home: 'Arsenal', away: 'Chelsea' };
    world.logged.length = 0;
    const { data } = await completed(
      await post(event({ requests: [first, { ...first, home: 'Everton' }, first, { ...first, home: 7 }] })),
    );
    expect(data.outcomes).toMatchObject([{ id: requestId(1), prediction: { home: 'Arsenal' } }]);
    expect(world.logged.filter((line) => line.includes('id of another one'))).toHaveLength(2);
  });

  test('a source that could not be handed back with each outcome is dropped', async () => {
    world.logged.length = 0;
    const requests = [{ id: requestId(1), home: 'Arsenal', away: 'Chelsea' }];
    expect((await post(event({ requests }, { source: `/${'s'.repeat(200)}` }))).status).toBe(202);
    expect(world.logged.join('')).toContain('dropped: the source is too long');
  });

  test('probabilities sum to 1 within 1e-6 for every pair of a league', async () => {
    const { teams } = (await (await world.request('/v1/teams?league=ESP1')).json()) as {
      teams: { name: string }[];
    };
    const pairs = teams.flatMap((home) =>
      teams.filter((away) => away !== home).map((away) => [home.name, away.name]),
    );
    const requests = pairs.map(([home, away], n) => ({ id: requestId(n), home, away }));
    const { data } = await completed(await post(event({ requests })));
    expect(data.outcomes).toHaveLength(380);
    for (const outcome of data.outcomes) {
      if (outcome.status !== 'done') throw new Error(outcome.reason);
      const { home, draw, away } = outcome.prediction.probabilities;
      expect(Math.abs(home + draw + away - 1)).toBeLessThan(1e-6);
    }
  });

  test('twins of an event, also at the same time, get the same completed event', async () => {
    const requests = [{ id: requestId(9), home: 'Everton', away: 'Chelsea' }];
    const twin = event({ requests }, { id: 'twin' });
    const [one, two] = await Promise.all([post(twin).then(completed), post(twin).then(completed)]);
    expect(one.event.id).toBe(two.event.id);
    expect(one.data).toEqual(two.data);
    const other = await completed(await post({ ...twin, source: '/test/other' }));
    expect(other.event.id).not.toBe(one.event.id);
  });

  test('hands on trace, correlation and who waits, and sets the time', async () => {
    const extensions = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      correlationid: 'order 7 é',
    };
    const requests = [{ id: requestId(9), home: 'Everton', away: 'Chelsea' }];
    const response = await post(event({ requests, replyTo: 'me' }, extensions));
    // Raw UTF-8, as the SDK for Go sends and reads it; a header is latin1 to Node.
    expect(response.headers.get('ce-correlationid')).toBe('order 7 \u00c3\u00a9');
    const { event: reply, data } = await completed(response);
    expect(reply).toMatchObject({ ...extensions, type: completedType, source: '/kickoff/predict' });
    expect(Math.abs(Date.parse(reply.time ?? '') - Date.now())).toBeLessThan(60_000);
    expect(data.replyTo).toBe('me');
  });

  test('a correlation id is neither encoded nor decoded, and one that no header can hold costs no answer', async () => {
    const requests = [{ id: requestId(9), home: 'Everton', away: 'Chelsea' }];
    for (const correlationid of ['50% off', 'order%2F7']) {
      const headers = { 'ce-correlationid': correlationid, 'ce-specversion': '1.0', 'ce-source': '/test' };
      const response = await world.predict('/', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'ce-id': '1', 'ce-type': requestedType },
        body: JSON.stringify({ requests }),
      });
      expect(response.headers.get('ce-correlationid')).toBe(correlationid);
    }
    const { event: reply, data } = await completed(
      await post(event({ requests }, { correlationid: 'a\nb' })),
    );
    expect(data.outcomes).toMatchObject([{ id: requestId(9), status: 'done' }]);
    expect(reply).not.toHaveProperty('correlationid');
  });

  test('reads binary mode with any spelling of JSON', async () => {
    const response = await world.predict('/', {
      method: 'POST',
      headers: {
        'content-type': 'application/json;charset=UTF-8',
        'ce-specversion': '1.0',
        'ce-id': 'b 1',
        'ce-source': '/test',
        'ce-type': requestedType,
      },
      body: JSON.stringify({ requests: [{ id: requestId(3), home: 'Everton', away: 'Chelsea' }] }),
    });
    expect((await completed(response)).data.outcomes).toMatchObject([{ id: requestId(3), status: 'done' }]);
  });

  test('says which model it has', async () => {
    const model = await (await world.predict('/v1/model')).json();
    expect(model).toMatchObject({
      name: 'match-outcome',
      stale: false,
      alias: 'models:/match-outcome@Production',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      loadedSince: expect.any(String) as unknown,
      metrics: expect.anything() as unknown,
    });
  });
});
