import { expect, test } from 'vitest';
import { requestedType } from '../../functions/shared/events/events.ts';
import { type Answer, askFor, events, id7, places, problem } from './client.ts';
import type { World } from './world.ts';

/** An id means what was asked under it first, by whoever asked: nobody can put another answer there. */
export function identity(world: () => World): void {
  const event = (source: string, requests: object[]) => ({
    ...{ specversion: '1.0', id: id7(), type: requestedType, source, time: new Date().toISOString() },
    datacontenttype: 'application/json',
    data: { requests },
  });
  const post = (body: object): Promise<Response> =>
    world().request('/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(body),
    });
  const end = async (location: string) =>
    (await events(await world().request(`${location}/events`))).at(-1)?.data;
  const other = { home: 'Everton', away: 'Brentford' };

  test('the id of a request that somebody has open, posted with other teams, is another request', async () => {
    for (const away of ['Arsenal', 'Chelsea', 'Brentford']) {
      const asked = { home: 'Aston Villa', away };
      const { id } = (await (await askFor(world(), asked, { prefer: 'respond-async' })).json()) as Answer;
      const [joined, [forged]] = await Promise.all([
        askFor(world(), asked),
        post(event('/attacker', [{ id, ...other }])).then(places),
      ]);
      expect(await joined.json()).toMatchObject({ status: 'done', prediction: asked });
      expect(await end(`/v1/predictions/${id}`)).toMatchObject({ status: 'done', prediction: asked });
      expect(await end(forged?.location ?? '')).toMatchObject({ status: 'done', prediction: other });
      expect(await (await askFor(world(), asked)).json()).toMatchObject({ prediction: asked });
    }
  }, 60_000);

  test('an id of a producer with other teams is 409 over HTTP, and without effect by the broker', async () => {
    for (const send of Object.values(world().producers)) {
      const [id, asked] = [id7(), { home: 'Fulham', away: 'Arsenal' }];
      const [place] = await places(await post(event('/shop', [{ id, ...asked }])));
      const refused = await problem(await post(event('/shop', [{ id, ...other }])), 409);
      expect(refused['errors']).toMatchObject([{ pointer: '/data/requests/0/id' }]);
      const behind = id7();
      await send(event('/shop', [{ id, ...other }]));
      await send(event('/shop', [{ id: behind, ...other }]));
      const [last] = await places(await post(event('/shop', [{ id: behind, ...other }])));
      expect(await end(last?.location ?? '')).toMatchObject({ status: 'done', prediction: other });
      expect(await end(place?.location ?? '')).toMatchObject({ status: 'done', prediction: asked });
      // The same again is no conflict.
      expect(await places(await post(event('/shop', [{ id, ...asked }])))).toEqual([place]);
    }
  }, 60_000);
}
