import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { v7 } from 'uuid';
import * as v from 'valibot';
import { binaryMessage, type Event } from '../../../functions/shared/events/cloudevents.ts';
import {
  completedType,
  RequestedData,
  requestedType,
  shadowedType,
} from '../../../functions/shared/events/events.ts';
import { signedEvent, verify } from '../../../functions/shared/events/signature.ts';
import { fingerprintOf } from '../../../functions/shared/fingerprint.ts';
import { ledgerId } from '../../../functions/shared/identity.ts';
import { forecastOf } from '../../../functions/shared/store/history.ts';
import { textOf } from '../../../functions/shared/store/rules.ts';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';
import { keys, keysOf, newKey } from '../../signing.ts';
import { until } from '../../until.ts';

const model = { name: 'm', version: '1', digest: 'd'.repeat(64), ratingsAsOf: '2025-05-31' };
const prediction = {
  home: 'Arsenal',
  away: 'Chelsea',
  league: 'ENG1',
  probabilities: { home: 0.5, draw: 0.3, away: 0.2 },
  expectedGoals: { home: 1.5, away: 1 },
  markets: { over15: 0.7, over25: 0.5, over35: 0.3, bothTeamsScore: 0.5 },
};
const forecast = forecastOf(prediction);

describe('cache-write', () => {
  let world: ProcessWorld;
  beforeAll(async () => {
    world = await startProcessWorld();
  });
  beforeEach(() => {
    world.storeAway = false;
    world.published.length = 0;
    // The next tick is no neighbour of the last test's.
    tickLater();
  });
  afterAll(async () => {
    await world.close();
  });

  let ticks = 0;
  const tickLater = (): void => {
    const ahead = ++ticks * 1000;
    world.now = () => Date.now() + ahead;
  };
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
  const postSigned = (
    path: string,
    event: { id: string; source: string; type: string; data: unknown },
    extensions: Record<string, string> = {},
  ): Promise<Response> => {
    const { id, source, type, data } = event;
    const signed = signedEvent({ id, source, type, data, extensions }, keys);
    return world.cacheWrite(path, { method: 'POST', ...binaryMessage(signed) });
  };
  const requestedBy = async (events = 1): Promise<Event[]> => {
    const found = () => world.published.filter(({ type }) => type === requestedType);
    await until(() => found().length >= events, { deadline: 2000 });
    return found();
  };
  const tick = { specversion: '1.0', id: v7(), source: '/ping', type: 'dev.knative.sources.ping', data: {} };

  test('503 with Retry-After while the store is away, on every path', async () => {
    world.storeAway = true;
    const letter = { ...completedEvent(v7()), knativeerrordest: 'http://predict/', knativeerrorcode: '503' };
    for (const answered of [
      () => postSigned('/', completedEvent(v7())),
      () => post('/sweep', tick),
      () => post('/dead-letters', letter),
    ]) {
      const response = await answered();
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
    }
  });

  test('what can never be stored is logged and answered 202', async () => {
    const bad = completedEvent(v7());
    for (const answered of [
      () => post('/', '{'),
      () => post('/', {}),
      () => postSigned('/', { ...bad, type: requestedType }),
      () => postSigned('/', { ...bad, data: { model, outcomes: [] } }),
      () =>
        postSigned('/', { ...bad, data: { model, outcomes: [{ id: v7(), status: 'done', prediction }] } }),
      () => postSigned('/', { ...bad, data: null }),
    ]) {
      world.logged.length = 0;
      expect((await answered()).status).toBe(202);
      expect(world.logged.join('')).toMatch(/dropped/);
    }
  });

  describe('what is not ours is stored nowhere, logged with its id and counted', () => {
    const shadowed = {
      ...{ specversion: '1.0', id: v7(), source: '/kickoff/predict', type: shadowedType },
      data: {
        champion: { ...model, digest: 'a'.repeat(64) },
        challenger: { ...model, digest: 'b'.repeat(64) },
        pairs: [
          { home: 'Arsenal', away: 'Chelsea', league: 'ENG1', champion: forecast, challenger: forecast },
        ],
      },
    };
    test.each([
      ['unsigned', {}, /not signed/],
      ['mismatch', { signature: `v1.${keys[0].id}.${'A'.repeat(43)}` }, /does not fit/],
      [
        'unknown-key',
        { signature: String(signedEvent(completedEvent('x'), keysOf(newKey()))['signature']) },
        /SIGNING_KEYS.*rotation/,
      ],
    ])('%s', async (reason, extensions, why) => {
      const before = await world.store.audit();
      const id = v7();
      const completed = { ...completedEvent(id), ...extensions };
      for (const [path, event] of [
        ['/', completed],
        ['/', { ...completed, sweep: 'next' }],
        ['/shadows', { ...shadowed, ...extensions }],
      ] as const) {
        world.logged.length = 0;
        const refused = world.refused(reason);
        const response = await post(path, event);
        expect([response.status, await response.text()]).toEqual([202, '']);
        expect(world.logged.join('')).toMatch(why);
        expect(world.logged.join('')).toContain(event.id);
        expect(world.logged.filter((line) => line.includes('refused'))).toHaveLength(1);
        expect(world.refused(reason)).toBe(refused + 1);
      }
      expect(await world.store.find(id)).toEqual({ status: 'unknown' });
      expect(await world.store.history.shadows()).toEqual([]);
      expect(await world.store.audit()).toEqual(before);
    });
  });

  test('stores once per request id, whatever comes twice or at the same time', async () => {
    const before = await world.store.audit();
    const id = v7();
    const event = completedEvent(id);
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await postSigned('/', event)).status),
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

  test('a tick publishes again what is overdue, in one event of ours, and answers nothing', async () => {
    expect((await post('/sweep', tick)).status).toBe(202);
    tickLater();
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
    // Whoever sent it would read what others asked, and keep it from being published.
    expect([response.status, await response.text()]).toEqual([202, '']);
    const [event] = await requestedBy();
    expect(event && verify(event, keys)).toBe('ours');
    const data = v.parse(RequestedData, event?.data);
    // The ledger knows who listens.
    expect(data.replyTo).toBeUndefined();
    expect(new Set(data.requests.map(({ id }) => id))).toEqual(new Set(requests.map(({ id }) => id)));
  });

  test('more than one tick in a second is not even asked of the store', async () => {
    const start = world.now();
    world.now = () => start;
    expect((await post('/sweep', tick)).status).toBe(202);
    world.storeAway = true;
    world.now = () => start + 999;
    expect((await post('/sweep', tick)).status).toBe(202);
    world.now = () => start + 1000;
    expect((await post('/sweep', tick)).status).toBe(503);
    // The clock was set back.
    world.now = () => start - 3_600_000;
    expect((await post('/sweep', tick)).status).toBe(503);
  });

  test('what cannot be published now is told, so that the tick comes again', async () => {
    const request = { id: v7(), home: 'Arsenal', away: 'Chelsea' };
    await world.store.accept([{ id: request.id, list: false, requests: [{ request }] }], {
      ...{ digest: 'none', now: Date.now() - 3_600_000 },
    });
    world.broker = 'away';
    expect((await post('/sweep', tick)).status).toBe(503);
    world.broker = 'up';
  });

  test("a producer's outcome is stored under the ledger id, and what it sent under another's id is another request", async () => {
    const id = v7();
    const of = (source?: string) => ({
      ...completedEvent(id),
      data: { model, outcomes: [{ id, source, fingerprint, status: 'done', prediction }] },
    });
    for (const source of ['/one', '/two']) expect((await postSigned('/', of(source))).status).toBe(202);
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
    expect((await postSigned('/', completedEvent(request.id))).status).toBe(202);
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
    await post('/sweep', tick);
    for (const { id } of jobs)
      await until(async () => (await world.store.find(id)).status === 'done', { deadline: 2000 });
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
    const before = world.published.length;
    await post('/sweep', tick);
    await until(() => world.published.length > before, { deadline: 2000 });
    const { headers } = binaryMessage(world.published[before] as Event);
    expect(Math.max(...Object.values(headers).map(({ length }) => length))).toBeLessThan(200);
    for (const { id } of [...attack, ...others])
      await until(async () => (await world.store.find(id)).status === 'failed', { deadline: 2000 });
  });

  test('a request that ends whatever gets it takes nobody along: all others are answered, and it alone is given up', async () => {
    const job = (place: number) => {
      const asker = { source: `/service/${place}`, id: v7() };
      const id = ledgerId(asker);
      const request = { id, home: place === 7 ? 'Poison United' : 'Arsenal', away: `Team ${place}` };
      return { id, list: false, requests: [{ request }], asker };
    };
    const start = world.now();
    const jobs = Array.from({ length: 300 }, (_, n) => job(n));
    await world.store.accept(jobs, { digest: 'none', now: start });
    const lost = new Set<string>();
    world.lose = ({ type, data, id }) => {
      const hit = type === requestedType && JSON.stringify(data).includes('Poison United');
      if (hit) lost.add(id);
      return hit;
    };
    for (let ticks = 1; ticks <= 6; ticks++) {
      world.now = () => start + ticks * 300_000;
      await post('/sweep', tick);
      await until(() => world.idle(), { deadline: 5000 });
    }
    expect(lost.size).toBe(5);
    const found = await Promise.all(jobs.map(({ id }) => world.store.find(id)));
    expect(found.filter(({ status }) => status !== 'failed')).toEqual([]);
    const givenUp = found.flatMap((one, n) => (JSON.stringify(one).includes('not answered') ? [n] : []));
    expect(givenUp).toEqual([7]);
    world.now = Date.now;
    world.lose = () => false;
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
    world.predictAway = true;
    for (let sweep = 0; sweep < 3; sweep++) {
      tickLater();
      await post('/sweep', tick);
    }
    for (const event of await requestedBy(3)) {
      const { requests } = v.parse(RequestedData, event.data);
      expect(requests.length).toBeLessThanOrEqual(1000);
      for (const { id } of requests) seen.add(id);
    }
    expect(seen.size).toBe(1800);
    world.predictAway = false;
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

    test('of an event that somebody made up are marked, and take no place of one of ours', async () => {
      const event = completedEvent(v7());
      const { knativeerrordest, knativeerrorcode } = letter;
      // As the dispatcher sends it: with what befell the event, and its signature.
      await postSigned('/dead-letters', event, { knativeerrordest, knativeerrorcode });
      const copies = [
        { ...event, knativeerrordest },
        { ...event, knativeerrordest, data: { ...event.data, outcomes: [] } },
        { ...event, knativeerrordest, signature: 'v1.forged' },
      ];
      for (const copy of copies) await post('/dead-letters', copy);
      const found = await kept(event.id);
      expect(found.map(({ signed }) => signed).sort()).toEqual([false, false, true]);
      expect(found.find(({ signed }) => signed)?.event).toMatchObject({
        data: event.data,
        signature: expect.stringMatching(/^v1\./) as unknown,
      });
    });

    test('that are too large are kept without their data, and dropped where the rest is too large', async () => {
      const id = v7();
      const data = 'x'.repeat(2 ** 20);
      await post('/dead-letters', { ...letter, id, data });
      expect(await kept(id)).toMatchObject([
        { omitted: data.length + 2, event: { id, type: completedType } },
      ]);
      expect((await kept(id))[0]?.event).not.toHaveProperty('data');
      const before = await world.store.audit();
      world.logged.length = 0;
      expect((await post('/dead-letters', { ...letter, subject: 'x'.repeat(2 ** 16) })).status).toBe(202);
      expect(await world.store.audit()).toEqual(before);
      expect(world.logged.join('')).toMatch(/dropped.*too large/);
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
