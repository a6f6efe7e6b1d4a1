import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { World } from './world.ts';

const json = { 'content-type': 'application/json' };
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

    const ask = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      world.request('/v1/predictions', {
        method: 'POST',
        headers: { ...json, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });

    async function problem(response: Response, status: number): Promise<Record<string, unknown>> {
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      const body = (await response.json()) as Record<string, unknown>;
      expect(body['status']).toBe(status);
      expect(body['requestId']).toBe(response.headers.get('x-request-id'));
      return body;
    }

    const pointers = (body: Record<string, unknown>): string[] =>
      (body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);

    describe('refuses', () => {
      test('broken JSON with 400', async () => {
        await problem(await ask('{"home":'), 400);
      });

      test('another content type with 415', async () => {
        await problem(
          await ask('home=Arsenal', { 'content-type': 'application/x-www-form-urlencoded' }),
          415,
        );
      });

      test('a body over the limit with 413', async () => {
        await problem(await ask(`{"home":"${'a'.repeat(2 ** 20)}"}`), 413);
      });

      test('an unknown team with 422 and the nearest names', async () => {
        const body = await problem(await ask({ home: 'Arsenl', away: 'Chelsea' }), 422);
        expect(body['errors']).toMatchObject([
          { pointer: '/home', nearest: expect.arrayContaining(['Arsenal']) as unknown },
        ]);
      });

      test('a team against itself, by whatever name', async () => {
        expect(
          pointers(await problem(await ask({ home: 'Man Utd', away: 'Manchester United' }), 422)),
        ).toEqual(['/away']);
      });

      test('a league that does not fit the teams', async () => {
        const wrong = await problem(await ask({ home: 'Arsenal', away: 'Chelsea', league: 'ESP1' }), 422);
        expect(pointers(wrong)).toEqual(['/league']);
        expect(
          pointers(await problem(await ask({ home: 'Arsenal', away: 'Chelsea', league: 'XXX9' }), 422)),
        ).toEqual(['/league']);
      });

      test('a kickoff before the ratings of the model, which may know the result', async () => {
        const body = await problem(
          await ask({ home: 'Arsenal', away: 'Chelsea', kickoff: '2020-01-01' }),
          422,
        );
        expect(pointers(body)).toEqual(['/kickoff']);
      });

      test('unknown, missing and mistyped fields with a pointer each', async () => {
        const body = await problem(await ask({ home: 3, hoem: 'Arsenal' }), 422);
        expect(pointers(body).sort()).toEqual(['/away', '/hoem', '/home']);
      });

      test('an empty list, and one of 1001', async () => {
        expect(pointers(await problem(await ask({ fixtures: [] }), 422))).toEqual(['/fixtures']);
        const fixtures = Array.from({ length: 1001 }, () => ({ home: 'Arsenal', away: 'Chelsea' }));
        expect(pointers(await problem(await ask({ fixtures }), 422))).toEqual(['/fixtures']);
      });

      test('a list with faults of structure, each by its pointer', async () => {
        const fixtures = [
          { home: 'Arsenal', away: 'Chelsea' },
          { home: 'Arsenal' },
          { home: '', away: 'Chelsea', x: 1 },
        ];
        const body = await problem(await ask({ fixtures }), 422);
        expect(pointers(body).sort()).toEqual(['/fixtures/1/away', '/fixtures/2/home', '/fixtures/2/x']);
      });

      test('an id that was never given with 404', async () => {
        await problem(await world.request('/v1/predictions/0190a000-0000-7000-8000-000000000000'), 404);
        await problem(await world.request('/v1/predictions/hello'), 404);
        await problem(
          await world.request('/v1/predictions/0190a000-0000-7000-8000-000000000000/events'),
          404,
        );
      });

      test('a wrong method with 405 and what is allowed', async () => {
        for (const [path, method, allow] of [
          ['/v1/predictions', 'GET', 'POST'],
          ['/v1/predictions', 'PUT', 'POST'],
          ['/v1/teams', 'POST', 'GET, HEAD'],
          ['/v1/model', 'DELETE', 'GET, HEAD'],
          ['/v1/events', 'GET', 'POST'],
        ] as const) {
          const response = await world.request(path, { method });
          expect(response.headers.get('allow')).toBe(allow);
          await problem(response, 405);
        }
      });

      test('an Idempotency-Key that is empty, too long, or of another request', async () => {
        await problem(await ask({ home: 'Arsenal', away: 'Chelsea' }, { 'idempotency-key': '' }), 400);
        await problem(
          await ask({ home: 'Arsenal', away: 'Chelsea' }, { 'idempotency-key': 'k'.repeat(256) }),
          400,
        );
        const key = { 'idempotency-key': crypto.randomUUID() };
        expect((await ask({ home: 'Arsenal', away: 'Everton' }, key)).status).toBe(200);
        await problem(await ask({ home: 'Everton', away: 'Arsenal' }, key), 422);
      });

      test('an event without id, of an unknown type, with data that does not parse, and none at all', async () => {
        const event = {
          specversion: '1.0',
          id: crypto.randomUUID(),
          source: '/test',
          type: 'dev.kickoff.prediction.requested.v1',
          data: {
            requests: [{ id: '0190a000-0000-7000-8000-0000000000ff', home: 'Arsenal', away: 'Chelsea' }],
          },
        };
        const post = (body: unknown, type = 'application/cloudevents+json'): Promise<Response> =>
          world.request('/v1/events', {
            method: 'POST',
            headers: { 'content-type': type },
            body: JSON.stringify(body),
          });
        await problem(await post({ ...event, id: undefined }), 400);
        await problem(await post({ ...event, type: 'dev.kickoff.other.v1' }), 422);
        expect(
          pointers(await problem(await post({ ...event, data: { requests: [{ home: 'Arsenal' }] } }), 422)),
        ).toContain('/data/requests/0/id');
        await problem(
          await post([event, { ...event, type: 'x' }], 'application/cloudevents-batch+json'),
          422,
        );
        await problem(await post({}, 'application/json'), 400);
        await problem(await post({}, 'text/plain'), 415);
        await problem(await world.request('/v1/predictions/0190a000-0000-7000-8000-0000000000ff'), 404);
      });
    });

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

    test('a producer’s events, in each mode, end in results under their requests’ ids', async () => {
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
      expect(responses.map(({ status }) => status)).toEqual([202, 202, 202]);
      for (const { id } of [binary, structured, batch]) {
        const states = await events(await world.request(`/v1/predictions/${id}/events`));
        expect(states.at(-1)?.data).toMatchObject({ id, status: 'done', prediction: { home: 'Chelsea' } });
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
      await problem(await world.request('/v1/teams?league=XXX9'), 422);
      const model = await (await world.request('/v1/model')).json();
      expect(model).toMatchObject({
        name: 'match-outcome',
        version: expect.stringMatching(/^\d+$/) as unknown,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        metrics: expect.anything() as unknown,
      });
    });

    test('is alive and ready', async () => {
      expect((await world.request('/health/liveness')).status).toBe(200);
      expect((await world.request('/health/readiness')).status).toBe(200);
    });
  });
}

type Answer = {
  id: string;
  status: string;
  cached: boolean;
  model: { ratingsAsOf: string };
  prediction: {
    home: string;
    away: string;
    probabilities: { home: number; draw: number; away: number };
    markets: { over25: number };
    scoreline?: number[][];
  };
};
type ListAnswer = { id: string; status: string; outcomes: { status: string }[] };

/** A UUIDv7 from the clock and chance. */
function id7(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

/** The server-sent events of a whole response. */
async function events(
  response: Response,
): Promise<{ id: string; event: string; data: Record<string, unknown> }[]> {
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const blocks = (await response.text()).split('\n\n').filter((block) => block.startsWith('id:'));
  return blocks.map((block) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    return {
      id: field('id'),
      event: field('event'),
      data: JSON.parse(field('data')) as Record<string, unknown>,
    };
  });
}
