import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../../functions/shared/store/store.ts';
import { exhausted } from '../../../../functions/shared/store/rules.ts';
import type { Opened } from './conformance.ts';
import { digest, list, model, outcomesOf, single, uuid } from './fixtures.ts';

/** What every store promises of what is overdue. `open` makes an empty one. */
export function sweepConformance(name: string, open: () => Promise<Opened>): void {
  describe(`sweep on ${name}`, () => {
    let opened: Opened;
    let store: Store;
    const now = Date.now();
    const accept = (jobs: Parameters<Store['accept']>[0], at = now) =>
      store.accept(jobs, { digest, now: at });
    const complete = (outcomes: ReturnType<typeof outcomesOf>) => store.complete({ model, outcomes, now });
    const status = async (id: string): Promise<string> => (await store.find(id)).status;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => store.close());

    test('an overdue job is published again after 15 s, 30 s, …, and fails after six attempts', async () => {
      const extensions = { traceparent: '00-1-2-01' };
      const job = list(uuid(1), ['Arsenal', 'Everton'], { replyTo: 'r', extensions });
      await accept([job]);
      await complete(outcomesOf(job).slice(0, 1));
      let at = now;
      expect(await store.overdue({ now: at + 14_999, limit: 10 })).toEqual([]);
      for (const wait of [15, 30, 60, 120, 240]) {
        at += wait * 1000;
        expect(await store.overdue({ now: at - 1, limit: 10 })).toEqual([]);
        expect(await store.overdue({ now: at, limit: 10 })).toEqual([
          { id: uuid(1), list: true, replyTo: 'r', extensions, requests: job.requests.slice(1) },
        ]);
      }
      expect(await store.overdue({ now: at + 240_000, limit: 10 })).toEqual([]);
      const found = await store.find(uuid(1));
      expect(found).toMatchObject({
        outcomes: [{}, { text: exhausted }],
      });
      expect(await store.audit()).toMatchObject({
        accepted: 2,
        done: 1,
        failed: 1,
        open: 0,
        unaccounted: [],
      });
    });

    test('who joined a request that got no answer is published itself', async () => {
      await accept([single(uuid(1))]);
      let at = now;
      for (const wait of [15, 30, 60, 120, 240]) await store.overdue({ now: (at += wait * 1000), limit: 10 });
      const joined = at + 239_000;
      await accept([single(uuid(2))], joined);
      await store.overdue({ now: at + 240_000, limit: 10 });
      expect(await status(uuid(1))).toBe('failed');
      expect(await status(uuid(2))).toBe('queued');
      expect((await store.overdue({ now: joined + 15_000, limit: 10 })).map(({ id }) => id)).toEqual([
        uuid(2),
      ]);
    });

    test('a job accepted by a clock that is an hour ahead is published again as soon as one by a right clock', async () => {
      await accept([single(uuid(1))], now + 3_600_000);
      await accept([single(uuid(2), 'Ajax')], now + 10_000);
      const sweep = async (at: number): Promise<string[]> =>
        (await store.overdue({ now: at, limit: 10 })).map(({ id }) => id);
      expect(await sweep(now)).toEqual([uuid(1)]);
      expect(await sweep(now)).toEqual([]);
      expect(await sweep(now + 30_000)).toEqual([uuid(2), uuid(1)]);
    });

    test('a sweep takes as many jobs as its limit of requests holds, but one at least', async () => {
      await accept([list(uuid(1), ['Arsenal', 'Ajax', 'Everton'])]);
      await accept([list(uuid(2), ['Lens', 'Lille']), single(uuid(3), 'Metz')], now + 1);
      const sweep = async (limit: number, after = 20_000): Promise<string[]> =>
        (await store.overdue({ now: now + after, limit })).map(({ id }) => id);
      expect(await sweep(1)).toEqual([uuid(1)]);
      expect(await sweep(2)).toEqual([uuid(2)]);
      expect(await sweep(2)).toEqual([uuid(3)]);
      expect(await sweep(2)).toEqual([]);
      expect(await sweep(6, 60_000)).toEqual([uuid(1), uuid(2), uuid(3)]);
    });

    test('a sweep takes what one event can carry: jobs with the same replyTo and extensions', async () => {
      const trace = (n: number) => ({ traceparent: `00-${n}-2-01`, correlationid: 'order 7' });
      await accept([
        single(uuid(1), 'Arsenal', { replyTo: 'a', extensions: trace(1) }),
        single(uuid(2), 'Ajax', { replyTo: 'a', extensions: trace(2) }),
        single(uuid(3), 'Everton', { replyTo: 'b', extensions: trace(1) }),
        single(uuid(4), 'Lens', { replyTo: 'a', extensions: trace(1) }),
        list(uuid(5), ['Lille', 'Metz']),
        single(uuid(6), 'Nantes'),
      ]);
      const sweep = async (at: number): Promise<string[]> =>
        (await store.overdue({ now: at, limit: 10 })).map(({ id }) => id);
      const sweeps = async (at: number) => [
        ...[await sweep(at), await sweep(at), await sweep(at), await sweep(at), await sweep(at)],
      ];
      const groups = [[uuid(1), uuid(4)], [uuid(2)], [uuid(3)], [uuid(5), uuid(6)], []];
      expect(await sweeps(now + 15_000)).toEqual(groups);
      // Whose last attempt is over ends with whatever is published.
      let at = now + 15_000;
      for (const wait of [30, 60, 120, 240]) expect(await sweeps((at += wait * 1000))).toEqual(groups);
      expect(await sweep(at + 240_000)).toEqual([]);
      expect(await store.audit()).toMatchObject({ failed: 7, open: 0, unaccounted: [] });
    });

    test('a sweep takes no more than its limit, and two at once take different jobs', async () => {
      const second = await opened.another();
      await accept([1, 2, 3, 4, 5].map((n) => single(uuid(n), `Team ${n}`)));
      const at = { now: now + 15_000, limit: 2 };
      const taken = (await Promise.all([store.overdue(at), second.overdue(at)])).flat().map(({ id }) => id);
      expect(new Set(taken).size).toBe(4);
      await second.close();
    });
  });
}
