import { describe, expect, test } from 'vitest';
import { askFor, problem } from './client.ts';
import type { Asked } from './client.ts';
import type { World } from './world.ts';

/** What the functions refuse over HTTP, and how they say so. */
export function refusals(world: () => World): void {
  const ask = (...asked: Asked): Promise<Response> => askFor(world(), ...asked);
  const pointers = (body: Record<string, unknown>): string[] =>
    (body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);

  describe('refuses', () => {
    test('broken JSON with 400', async () => {
      await problem(await ask('{"home":'), 400);
    });

    test('another content type with 415', async () => {
      await problem(await ask('home=Arsenal', { 'content-type': 'application/x-www-form-urlencoded' }), 415);
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
      expect(pointers(await problem(await ask({ home: 'Man Utd', away: 'Manchester United' }), 422))).toEqual(
        ['/away'],
      );
    });

    test('a league that does not fit the teams', async () => {
      const wrong = await problem(await ask({ home: 'Arsenal', away: 'Chelsea', league: 'ESP1' }), 422);
      expect(pointers(wrong)).toEqual(['/league']);
      expect(
        pointers(await problem(await ask({ home: 'Arsenal', away: 'Chelsea', league: 'XXX9' }), 422)),
      ).toEqual(['/league']);
    });

    test('a kickoff before the ratings of the model, which may know the result', async () => {
      const body = await problem(await ask({ home: 'Arsenal', away: 'Chelsea', kickoff: '2020-01-01' }), 422);
      expect(pointers(body)).toEqual(['/kickoff']);
    });

    test('a kickoff that is no date, or a day or an offset that there is not', async () => {
      for (const kickoff of [
        'soon',
        '2026-13-45',
        '2026-06-31',
        '2031-02-30T12:00:00Z',
        '2020-01-01T12:00:00+02',
        '2020-01-01T12:00:00 +02:00',
      ]) {
        const body = await problem(await ask({ home: 'Arsenal', away: 'Chelsea', kickoff }), 422);
        expect(body['errors']).toEqual([
          { pointer: '/kickoff', detail: expect.stringMatching(/^must be .+ offset/) as unknown },
        ]);
      }
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

    test('two members of one name with 400 and a pointer, wherever JSON is taken', async () => {
      const twice = '{"inputs":{"home":["Arsenal"],"home":["Chelsea"],"away":["Everton"]}}';
      for (const [path, type] of [
        ['/v1/predictions', 'application/json'],
        ['/v1/events', 'application/cloudevents+json'],
        ['/v1/events', 'application/cloudevents-batch+json'],
        ['/invocations', 'application/json'],
        ['/v2/models/match-outcome/infer', 'application/json'],
      ]) {
        const init = { method: 'POST', headers: { 'content-type': type ?? '' }, body: twice };
        const response = await world().request(path ?? '', init);
        expect(response.status).toBe(400);
        expect(await response.text()).toContain('/inputs/home');
      }
    });

    test('a body that is deeper, longer or fuller than is read with 422', async () => {
      const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
      expect(pointers(await problem(await ask({ home: 'a', x: ones(1001) }), 422))).toEqual(['/x']);
      expect(pointers(await problem(await ask('['.repeat(17)), 422))).toEqual(['/0'.repeat(16)]);
      const full = Array.from({ length: 1000 }, () => ones(50));
      expect(pointers(await problem(await ask(full), 422))).toEqual(['']);
    });

    test('a search by more than 100 characters with 422', async () => {
      for (const name of ['q', 'league'])
        await problem(await world().request(`/v1/teams?${name}=${'a'.repeat(101)}`), 422);
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
      await problem(await world().request('/v1/predictions/0190a000-0000-7000-8000-000000000000'), 404);
      await problem(await world().request('/v1/predictions/hello'), 404);
      await problem(
        await world().request('/v1/predictions/0190a000-0000-7000-8000-000000000000/events'),
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
        const response = await world().request(path, { method });
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
        world().request('/v1/events', {
          method: 'POST',
          headers: { 'content-type': type },
          body: JSON.stringify(body),
        });
      await problem(await post({ ...event, id: undefined }), 400);
      await problem(await post({ ...event, type: 'dev.kickoff.other.v1' }), 422);
      expect(
        pointers(await problem(await post({ ...event, data: { requests: [{ home: 'Arsenal' }] } }), 422)),
      ).toContain('/data/requests/0/id');
      await problem(await post([event, { ...event, type: 'x' }], 'application/cloudevents-batch+json'), 422);
      await problem(await post({}, 'application/json'), 400);
      await problem(await post({}, 'text/plain'), 415);
      await problem(await post({ ...event, datacontenttype: 'text/plain' }), 415);
      await problem(await world().request('/v1/predictions/0190a000-0000-7000-8000-0000000000ff'), 404);
    });
  });
}
