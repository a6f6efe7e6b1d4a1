import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { v7 } from 'uuid';
import * as v from 'valibot';
import { readEvent } from '../../../functions/shared/events/cloudevents.ts';
import { completedType, RequestedData, requestedType } from '../../../functions/shared/events/events.ts';
import { fingerprintOf, ledgerId } from '../../../functions/shared/identity.ts';
import { textOf } from '../../../functions/shared/store/rules.ts';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';

const model = { name: 'm', version: '1', digest: 'd'.repeat(64), ratingsAsOf: '2025-05-31' };
const prediction = {
  home: 'Arsenal',
  away: 'Chelsea',
  league: 'ENG1',
  probabilities: { home: 0.5, draw: 0.3, away: 0.2 },
  expectedGoals: { home: 1.5, away: 1 },
  markets: { over15: 0.7, over25: 0.5, over35: 0.3, bothTeamsScore: 0.5 },
};

describe('cache-write', () => {
  let world: ProcessWorld;
  beforeAll(async () => {
    world = await startProcessWorld();
  });
  beforeEach(() => {
    world.storeAway = false;
  });
  afterAll(async () => {
    await world.close();
  });

  const post = (path: string, event: unknown): Promise<Response> =>
    world.cacheWrite(path, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: typeof event === 'string' ? event : JSON.stringify(event),
    });
  const fingerprint = fingerprintOf({ home: 'Arsenal', away: 'Chelsea' });
  const completedEvent = (id: string) => ({
    specversion: '1.0',
    id: v7(),
    source: '/kickoff/predict',
    type: completedType,
    data: { model, outcomes: [{ id, fingerprint, status: 'done', prediction }] },
  });
  const tick = { specversion: '1.0', id: v7(), source: '/ping', type: 'dev.knative.sources.ping', data: {} };

  test('503 with Retry-After while the store is away, on every path', async () => {
    world.storeAway = true;
    const letter = { ...completedEvent(v7()), knativeerrordest: 'http://predict/', knativeerrorcode: '503' };
    for (const [path, event] of [
      ['/', completedEvent(v7())],
      ['/sweep', tick],
      ['/dead-letters', letter],
    ] as const) {
      const response = await post(path, event);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
    }
  });

  test('what can never be stored is logged and answered 202', async () => {
    const bad = completedEvent(v7());
    for (const event of [
      '{',
      {},
      { ...bad, type: requestedType },
      { ...bad, data: { model, outcomes: [] } },
      { ...bad, data: { model, outcomes: [{ id: v7(), status: 'done', prediction }] } },
      { ...bad, data: null },
    ]) {
      world.logged.length = 0;
      expect((await post('/', event)).status).toBe(202);
      expect(world.logged.join('')).toMatch(/dropped/);
    }
  });

  test('stores once per request id, whatever comes twice or at the same time', async () => {
    const before = await world.store.audit();
    const id = v7();
    const event = completedEvent(id);
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await post('/', event)).status),
    );
    expect(statuses).toEqual([202, 202, 202, 202, 202]);
    expect(await world.store.find(id)).toMatchObject({
      status: 'done',
      outcomes: [{ text: textOf({ id, status: 'done', prediction }) }],
    });
    const after = await world.store.audit();
    expect(after.done - before.done).toBe(1);
    expect(after.duplicates - before.duplicates).toBe(4);
    expect(after.unaccounted).toEqual([]);
  });

  test('a tick publishes again what is overdue, in one event, and nothing when nothing is', async () => {
    expect((await post('/sweep', tick)).status).toBe(202);
    const requests = [
      { id: v7(), home: 'Arsenal', away: 'Chelsea' },
      { id: v7(), home: 'Chelsea', away: 'Arsenal' },
    ];
    await world.store.accept(
      requests.map((request) => ({
        id: request.id,
        list: false,
        requests: [{ request }],
        replyTo: 'me',
      })),
      { digest: 'none', now: Date.now() - 3_600_000 },
    );
    const response = await post('/sweep', tick);
    expect(response.status).toBe(200);
    const { headers } = response;
    const event = await readEvent(
      new Request('http://x/', { method: 'POST', headers, body: await response.text() }),
    );
    expect(event.type).toBe(requestedType);
    const data = v.parse(RequestedData, event.data);
    // The ledger knows who listens.
    expect(data.replyTo).toBeUndefined();
    expect(new Set(data.requests.map(({ id }) => id))).toEqual(new Set(requests.map(({ id }) => id)));
    expect((await post('/sweep', tick)).status).toBe(202);
  });

  test("a producer's outcome is stored under the ledger id, and what it sent under another's id is another request", async () => {
    const id = v7();
    const of = (source?: string) => ({
      ...completedEvent(id),
      data: { model, outcomes: [{ id, source, fingerprint, status: 'done', prediction }] },
    });
    for (const source of ['/one', '/two']) expect((await post('/', of(source))).status).toBe(202);
    expect(await world.store.find(id)).toEqual({ status: 'unknown' });
    for (const source of ['/one', '/two'])
      expect((await world.store.find(ledgerId({ source, id }))).status).toBe('done');
  });

  test('an outcome of something else than was asked is not stored, and logged with its id', async () => {
    const request = { id: v7(), home: 'Everton', away: 'Chelsea' };
    await world.store.accept([{ id: request.id, list: false, requests: [{ request }] }], {
      ...{ digest: 'none', now: Date.now() },
    });
    world.logged.length = 0;
    expect((await post('/', completedEvent(request.id))).status).toBe(202);
    expect((await world.store.find(request.id)).status).toBe('queued');
    const lines = world.logged.filter((line) => line.includes('something else was asked'));
    expect(lines).toMatchObject([expect.stringContaining(request.id)]);
  });

  test('what a producer gave comes back to it with its own id in what is published again, whoever else asked', async () => {
    const jobs = [1, 1, 2, 3].map((n, at) => {
      const away = ['Chelsea', 'Everton', 'Fulham', 'Brentford'][at] ?? '';
      const asker = { source: `/service/${n}`, id: v7(), replyTo: `to ${n}`, correlationid: `order ${n}` };
      const id = ledgerId(asker);
      return { id, list: false, requests: [{ request: { id, home: 'Arsenal', away } }], asker };
    });
    await world.store.accept(jobs, { digest: 'none', now: Date.now() - 3_600_000 });
    const before = world.published.length;
    const response = await post('/sweep', tick);
    const { headers } = response;
    await world.deliver(
      await readEvent(new Request('http://x/', { method: 'POST', headers, body: await response.text() })),
    );
    const published = world.published.slice(before);
    expect(published.filter(({ type }) => type === requestedType)).toHaveLength(1);
    const completed = published.filter(({ type }) => type === completedType);
    expect(completed).toHaveLength(1);
    for (const { id, asker } of jobs) {
      expect((await world.store.find(id)).status).toBe('done');
      expect(completed[0]?.data).toMatchObject({
        outcomes: expect.arrayContaining([expect.objectContaining({ ...asker, status: 'done' })]) as unknown,
      });
    }
  });

  test('what cannot be delivered as it came delays nobody: all that is overdue goes out and ends after one tick', async () => {
    const job = (source: string, place: number, correlationid: string) => {
      const asker = { source, id: v7(), correlationid };
      const id = ledgerId(asker);
      const request = { id, home: 'Arsenal', away: `Team ${place}` };
      return { id, list: false, requests: [{ request }], asker };
    };
    const hour = Date.now() - 3_600_000;
    // No sender of HTTP can put it into a header.
    const attack = Array.from({ length: 3 }, (_, n) => job('/attacker', n, `${n}${'x'.repeat(20_000)}`));
    const others = Array.from({ length: 100 }, (_, n) => job(`/service/${n}`, n, `order ${n}`));
    await world.store.accept(attack, { digest: 'none', now: hour - 1000 });
    await world.store.accept(others, { digest: 'none', now: hour });
    const response = await post('/sweep', tick);
    const { headers } = response;
    expect(Math.max(...[...headers.values()].map(({ length }) => length))).toBeLessThan(200);
    await world.deliver(
      await readEvent(new Request('http://x/', { method: 'POST', headers, body: await response.text() })),
    );
    for (const { id } of [...attack, ...others]) expect((await world.store.find(id)).status).toBe('failed');
  });

  test('what came over HTTP is published again in one event, whosoever asked and in whatever trace', async () => {
    world.broker = 'away';
    const ids: string[] = [];
    for (const away of ['Everton', 'Fulham', 'Brentford']) {
      const traceparent = `00-${v7().replaceAll('-', '')}-b7ad6b7169203331-01`;
      const response = await world.request('/v1/predictions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'respond-async', traceparent },
        body: JSON.stringify({ home: 'Chelsea', away }),
      });
      ids.push(v.parse(v.object({ id: v.string() }), await response.json()).id);
    }
    const jobs = await world.store.overdue({ now: Date.now() + 20_000, limit: 1000 });
    expect(jobs.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    world.broker = 'up';
  });

  test('a sweep carries at most 1000 requests and leaves the rest for the next', async () => {
    const lists = Array.from({ length: 3 }, () => {
      const id = v7();
      const requests = Array.from({ length: 600 }, (_, n) => ({
        request: { id: `${id}.${n}`, home: `Home ${id} ${n}`, away: 'Chelsea' },
      }));
      return { id, list: true, requests };
    });
    await world.store.accept(lists, { digest: 'none', now: Date.now() - 3_600_000 });
    const seen = new Set<string>();
    for (let sweep = 0; sweep < 3; sweep++) {
      const response = await post('/sweep', tick);
      const { requests } = v.parse(RequestedData, await response.json());
      expect(requests.length).toBeLessThanOrEqual(1000);
      for (const { id } of requests) seen.add(id);
    }
    expect(seen.size).toBe(1800);
  });

  describe('dead letters', () => {
    const letter = {
      ...completedEvent(v7()),
      knativeerrordest: 'http://predict.kickoff.svc.cluster.local/',
      knativeerrorcode: '503',
    };
    const kept = async (id: string) =>
      (await world.store.deadLetters.list()).filter(({ event }) => event['id'] === id);

    test('are kept with destination, code and the event', async () => {
      expect((await post('/dead-letters', letter)).status).toBe(202);
      expect((await post('/dead-letters', 'garbage')).status).toBe(202);
      expect(await kept(letter.id)).toMatchObject([
        {
          destination: letter.knativeerrordest,
          code: 503,
          event: { id: letter.id, type: completedType, data: letter.data },
        },
      ]);
    });

    test('are one for each source, id and destination, however often they come', async () => {
      const { deadLettered } = await world.store.audit();
      const id = v7();
      const letters = [
        { ...letter, id },
        { ...letter, id, source: '/another' },
        { ...letter, id, knativeerrordest: 'http://cache-write.kickoff.svc.cluster.local/' },
      ];
      for (const each of [...letters, ...letters]) await post('/dead-letters', each);
      const found = await kept(id);
      expect(
        new Set(found.map(({ event, destination }) => `${String(event['source'])} ${destination}`)),
      ).toEqual(new Set(letters.map(({ source, knativeerrordest }) => `${source} ${knativeerrordest}`)));
      expect(found).toHaveLength(3);
      for (const one of found) expect(await world.store.deadLetters.find(one.id)).toEqual(one);
      expect((await world.store.audit()).deadLettered - deadLettered).toBe(3);
    });
  });
});
