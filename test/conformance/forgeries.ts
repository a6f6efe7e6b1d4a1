import { expect, test } from 'vitest';
import { completedType, requestedType } from '../../functions/shared/events/events.ts';
import { fingerprintOf } from '../../functions/shared/fingerprint.ts';
import { ledgerId } from '../../functions/shared/identity.ts';
import { until } from '../until.ts';
import { type Answer, askFor, id7 } from './client.ts';
import type { World } from './world.ts';

/** Whoever reaches the Broker may ask there. Nobody may answer in predict's place, or speak for ingress. */
export function forgeries(world: () => World): void {
  const status = async (id: string): Promise<number> => {
    const response = await world().request(`/v1/predictions/${id}`);
    await response.body?.cancel();
    return response.status;
  };
  const event = (type: string, source: string, data: unknown, extensions: object = {}) => ({
    ...{ specversion: '1.0', id: id7(), type, source, time: new Date().toISOString() },
    ...extensions,
    datacontenttype: 'application/json',
    data,
  });
  /** Sends an event as each producer could, and one behind it that may be sent: when that is answered, the first has been dealt with. */
  async function sent(events: (id: string) => object[]): Promise<string[]> {
    const ids: string[] = [];
    for (const send of Object.values(world().producers)) {
      const [id, behind] = [id7(), id7()];
      ids.push(id);
      for (const one of events(id)) await send(one);
      await send(
        event(requestedType, '/shop', { requests: [{ id: behind, home: 'Arsenal', away: 'Chelsea' }] }),
      );
      const answered = ledgerId({ source: '/shop', id: behind });
      await until(async () => (await status(answered)) === 200, { deadline: 30_000, every: 50 });
    }
    return ids;
  }

  test('a completed event that a producer made up is stored for nobody and served to nobody', async () => {
    const model = (await (await world().request('/v1/model')).json()) as Record<string, unknown>;
    const { name, version, digest, ratingsAsOf } = model;
    const sure = { home: 1, draw: 0, away: 0 };
    const prediction = {
      ...{ home: 'Fulham', away: 'Everton', league: 'ENG1', probabilities: sure },
      expectedGoals: { home: 9, away: 0 },
      markets: { over15: 1, over25: 1, over35: 1, bothTeamsScore: 0 },
    };
    const made = (id: string) => ({
      model: { name, version, digest, ratingsAsOf },
      outcomes: [{ id, fingerprint: fingerprintOf(prediction), status: 'done', prediction }],
    });
    const ids = await sent((id) => [
      event(completedType, '/kickoff/predict', made(id)),
      event(completedType, '/kickoff/predict', made(id), { signature: `v1.abcdef.${'A'.repeat(43)}` }),
      event(completedType, '/kickoff/predict', made(id), { sweep: 'next', shadow: 'wanted' }),
    ]);
    for (const id of ids) expect(await status(id)).toBe(404);
    const answer = (await (await askFor(world(), { home: 'Fulham', away: 'Everton' })).json()) as Answer;
    expect(answer).toMatchObject({ cached: false, prediction: { home: 'Fulham', away: 'Everton' } });
    expect(answer.prediction.probabilities.home).toBeLessThan(1);
  }, 60_000);

  test('a request in the name of a function of ours is answered for nobody', async () => {
    const ids = await sent((id) => [
      event(requestedType, '/kickoff/ingress', { requests: [{ id, home: 'Everton', away: 'Fulham' }] }),
    ]);
    for (const id of ids)
      for (const place of [id, ledgerId({ source: '/kickoff/ingress', id })])
        expect(await status(place)).toBe(404);
    const response = await world().request('/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(
        event(requestedType, '/kickoff/ingress', {
          requests: [{ id: id7(), home: 'Everton', away: 'Fulham' }],
        }),
      ),
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      errors: [{ pointer: '/source', detail: expect.stringContaining('/kickoff/') as unknown }],
    });
  }, 60_000);
}
