import { v5 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askFor, events, id7, json, places, problem } from './client.ts';
import type { Answer, Asked, ListAnswer } from './client.ts';
import { forgeries } from './forgeries.ts';
import { identity } from './identity.ts';
import { refusals } from './refusals.ts';
import type { World } from './world.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * What the three functions promise over HTTP, wherever they run. `start` starts them from nothing; every test uses fixtures of its own, so
 * that a cache that is shared with an earlier run changes no result.
 */
export function functionsConformance(name: string, start: () => Promise<World>): void {
  describe(`functions: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await start();
    });
    afterAll(async () => {
      await world.close();
    });

    const ask = (...asked: Asked): Promise<Response> => askFor(world, ...asked);

    refusals(() => world);
    forgeries(() => world);
    identity(() => world);

    test('answers one fixture with probabilities of one grid, and again from the cache', async () => {
      const body = { home: 'Arsenal', away: 'Aston Villa', scoreline: true };
      const response = await ask(body);
      expect(response.status).toBe(200);
      const first = (await response.json()) as Answer;
      expect(first).toMatchObject({
        status: 'done',
        prediction: { home: 'Arsenal', away: 'Aston Villa', league: 'ENG1' },
      });
      expect(first.id).toMatch(uuid);
      expect(first.model).toMatchObject({
        name: 'match-outcome',
        ratingsAsOf: expect.stringMatching(/^\d{4}-/) as unknown,
      });
      const { home, draw, away } = first.prediction.probabilities;
      expect(home + draw + away).toBeCloseTo(1, 6);
      const grid = first.prediction.scoreline ?? [];
      const sum = (include: (h: number, a: number) => boolean): number =>
        grid
          .flatMap((row, h) => row.filter((_, a) => include(h, a)))
          .reduce((total, each) => total + each, 0);
      expect(sum(() => true)).toBeCloseTo(1, 6);
      expect(sum((h, a) => h > a)).toBeCloseTo(home, 4);
      expect(sum((h, a) => h + a > 2)).toBeCloseTo(first.prediction.markets.over25, 4);

      const again = (await (await ask(body)).json()) as Answer;
      expect(again.cached).toBe(true);
      expect(again.prediction).toEqual(first.prediction);
      expect(again.model).toEqual(first.model);
    });

    test('takes aliases, any case and no accents', async () => {
      const response = await ask({ home: 'bayern', away: '1 fc koln' });
      const answer = (await response.json()) as Answer;
      expect(response.status).toBe(200);
      expect(answer.prediction.away).toBe('1. FC Köln');
    });

    test('answers a list in order; one that cannot be predicted fails alone', async () => {
      const fixtures = [
        { home: 'Arsenal', away: 'Brentford' },
        { home: 'Arsenl', away: 'Brentford' },
        { home: 'Brentford', away: 'Arsenal' },
        { home: 'Arsenal', away: 'Arsenal' },
      ];
      const response = await ask({ fixtures });
      expect(response.status).toBe(200);
      const { id, status, outcomes } = (await response.json()) as ListAnswer;
      expect(status).toBe('done');
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['done', 'failed', 'done', 'failed']);
      expect(outcomes[1]).toMatchObject({ nearest: expect.arrayContaining(['Arsenal']) as unknown });
      expect(outcomes[2]).toMatchObject({
        prediction: { home: 'Brentford', away: 'Arsenal' },
        model: { name: 'match-outcome' },
      });
      const later = await world.request(`/v1/predictions/${id}`);
      expect(later.status).toBe(200);
      expect(await later.json()).toEqual({ id, status, outcomes });
    });

    test('answers a list of 1000', async () => {
      const { teams } = (await (await world.request('/v1/teams')).json()) as { teams: { name: string }[] };
      const fixtures = Array.from({ length: 1000 }, (_, n) => ({
        home: teams[n % 40]?.name,
        away: teams[40 + Math.floor(n / 40)]?.name,
      }));
      const { outcomes } = (await (await ask({ fixtures })).json()) as ListAnswer;
      expect(outcomes.filter(({ status }) => status !== 'done')).toEqual([]);
      expect(outcomes).toHaveLength(1000);
    });

    test('respond-async: 202 with the place, where the result is in the end', async () => {
      const response = await ask({ home: 'Everton', away: 'Fulham' }, { prefer: 'respond-async' });
      expect(response.status).toBe(202);
      const { id, status } = (await response.json()) as Answer;
      expect(status).toBe('queued');
      const location = response.headers.get('location') ?? '';
      expect(location).toBe(`/v1/predictions/${id}`);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(response.headers.get('preference-applied')).toBe('respond-async');
      const states = await events(await world.request(`${location}/events`));
      expect(states.at(-1)).toMatchObject({ event: 'state', data: { id, status: 'done' } });
      expect(await (await world.request(location)).json()).toEqual(states.at(-1)?.data);
    });

    test('a wait that is given is applied, one that cannot be read is ignored', async () => {
      const given = await ask({ home: 'Everton', away: 'Chelsea' }, { prefer: 'wait=20' });
      expect([given.status, given.headers.get('preference-applied')]).toEqual([200, 'wait=20']);
      const ignored = await ask({ home: 'Chelsea', away: 'Everton' }, { prefer: 'wait=soon' });
      expect([ignored.status, ignored.headers.get('preference-applied')]).toEqual([200, null]);
    });

    test('wait=0: what another request left in the store is answered at once, since it would have no place', async () => {
      const request = { id: id7(), home: 'Fulham', away: 'Aston Villa' };
      const produced = await world.request('/v1/events', {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({
          ...{ specversion: '1.0', id: id7(), source: '/test', type: 'dev.kickoff.prediction.requested.v1' },
          data: { requests: [request] },
        }),
      });
      const [place] = await places(produced);
      await events(await world.request(`${place?.location ?? ''}/events`));
      const { home, away } = request;
      const known = await ask({ home, away }, { prefer: 'wait=0' });
      expect([known.status, known.headers.get('preference-applied')]).toEqual([200, 'wait=0']);
      expect(await known.json()).toMatchObject({ status: 'done', cached: true });
    });

    test('events of a list tell each outcome in order and can be resumed', async () => {
      const fixtures = [
        { home: 'Fulham', away: 'Everton' },
        { home: 'Fulham', away: 'Arsenal' },
        { home: 'Nobody', away: 'Arsenal' },
      ];
      const { id } = (await (await ask({ fixtures }, { prefer: 'respond-async' })).json()) as Answer;
      const all = await events(await world.request(`/v1/predictions/${id}/events`));
      const told = all.filter(({ event }) => event === 'outcome');
      expect(told.map(({ data }) => data['place'])).toEqual([0, 1, 2]);
      expect(all.at(-1)).toMatchObject({ event: 'state', id: '4', data: { status: 'done' } });
      const headers = { 'last-event-id': '2' };
      const rest = await events(await world.request(`/v1/predictions/${id}/events`, { headers }));
      expect(rest.map(({ id: at }) => at)).toEqual(['3', '4']);
    });

    test('the same Idempotency-Key gives the same answer, also while the first runs', async () => {
      const key = { 'idempotency-key': crypto.randomUUID() };
      const body = { home: 'Brentford', away: 'Fulham' };
      const answers = await Promise.all(
        Array.from({ length: 5 }, async () => (await ask(body, key)).json() as Promise<Answer>),
      );
      const later = (await (await ask(body, key)).json()) as Answer;
      expect(new Set([...answers, later].map(({ id }) => id)).size).toBe(1);
      expect(later.prediction).toEqual(answers[0]?.prediction);
    });

    test('an Idempotency-Key is its caller’s own, and does not mind the order of members', async () => {
      const key = { 'idempotency-key': crypto.randomUUID() };
      const body = { home: 'Brentford', away: 'Everton' };
      const other = { away: 'Brentford', home: 'Everton' };
      const idOf = async (response: Response): Promise<string> => {
        expect(response.status).toBe(200);
        return ((await response.json()) as Answer).id;
      };
      const first = await idOf(await ask(body, { ...key, authorization: 'Bearer one' }));
      const turned = { scoreline: false, away: 'Everton', home: 'Brentford' };
      expect(await idOf(await ask(turned, { ...key, authorization: 'Bearer one' }))).toBe(first);
      expect(await idOf(await ask(other, { ...key, authorization: 'Bearer two' }))).not.toBe(first);
      await problem(await ask(other, { ...key, authorization: 'Bearer one' }), 422);
    });

    test('a producer’s events, in each mode, end in results at the places that the answer names', async () => {
      const request = () => ({ id: id7(), home: 'Chelsea', away: 'Fulham' });
      const [binary, structured, batch] = [request(), request(), request()];
      const attributes = {
        specversion: '1.0',
        source: '/test/producer',
        type: 'dev.kickoff.prediction.requested.v1',
      };
      const post = (headers: Record<string, string>, body: unknown): Promise<Response> =>
        world.request('/v1/events', { method: 'POST', headers, body: JSON.stringify(body) });
      const responses = [
        await post(
          {
            ...json,
            'ce-specversion': '1.0',
            'ce-id': crypto.randomUUID(),
            'ce-source': '/test/producer',
            'ce-type': attributes.type,
          },
          { requests: [binary] },
        ),
        await post(
          { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
          { ...attributes, id: crypto.randomUUID(), data: { requests: [structured] } },
        ),
        await post({ 'content-type': 'application/cloudevents-batch+json' }, [
          { ...attributes, id: crypto.randomUUID(), data: { requests: [batch] } },
        ]),
      ];
      const named = (await Promise.all(responses.map(places))).flat();
      expect(named.map(({ id }) => id)).toEqual([binary, structured, batch].map(({ id }) => id));
      for (const { id, location } of named) {
        // As a producer on RabbitMQ computes it.
        const ledger = v5(`/test/producer\n${id}`, '2b7e9d14-6c3f-5f8a-9e05-41d8a7c6f3b2');
        expect(location).toBe(`/v1/predictions/${ledger}`);
        const states = await events(await world.request(`${location}/events`));
        expect(states.at(-1)?.data).toMatchObject({
          ...{ id: ledger, status: 'done', prediction: { home: 'Chelsea' } },
        });
      }
    });

    test('names the leagues, the teams and the model', async () => {
      const { leagues } = (await (await world.request('/v1/leagues')).json()) as {
        leagues: { id: string; teams: number }[];
      };
      expect(leagues.find(({ id }) => id === 'ENG1')).toMatchObject({ teams: 20 });
      const teams = async (query: string): Promise<string[]> => {
        const body = (await (await world.request(`/v1/teams?${query}`)).json()) as {
          teams: { name: string }[];
        };
        return body.teams.map(({ name }) => name);
      };
      expect(await teams('league=ENG1')).toHaveLength(20);
      expect((await teams('q=koln'))[0]).toBe('1. FC Köln');
      expect(await teams('q=no-such-team-anywhere')).toEqual([]);
      expect(await teams('league=&q=')).toEqual(await teams(''));
      await problem(await world.request('/v1/teams?league=XXX9'), 422);
      const model = await (await world.request('/v1/model')).json();
      expect(model).toMatchObject({
        name: 'match-outcome',
        version: expect.stringMatching(/^\d+$/) as unknown,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        metrics: expect.anything() as unknown,
      });
    });

    test('is alive and ready, whatever the query', async () => {
      for (const query of ['', '?x=1', '?x=/health']) {
        expect((await world.request(`/health/liveness${query}`)).status).toBe(200);
        expect((await world.request(`/health/readiness${query}`)).status).toBe(200);
      }
      const teams = await world.request('/v1/teams?q=/health/readiness');
      expect(await teams.json()).toEqual({ teams: [] });
    });
  });
}
