import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../../functions/shared/store/store.ts';
import { exhausted, sweepBytes } from '../../../../functions/shared/store/rules.ts';
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
      const job = list(uuid(1), ['Arsenal', 'Everton'], { replyTo: 'r' });
      await accept([job]);
      await complete(outcomesOf(job).slice(0, 1));
      let at = now;
      expect(await store.overdue({ now: at + 14_999, limit: 10 })).toEqual([]);
      for (const [n, wait] of [15, 30, 60, 120, 240].entries()) {
        at += wait * 1000;
        expect(await store.overdue({ now: at - 1, limit: 10 })).toEqual([]);
        expect(await store.overdue({ now: at, limit: 10 })).toEqual([
          { id: uuid(1), list: true, replyTo: 'r', attempts: n + 1, requests: job.requests.slice(1) },
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

    test('a sweep takes what is overdue whoever asked, and says who', async () => {
      const asker = (n: number, more: object = {}) => ({
        source: `/producer/${n}`,
        id: uuid(100 + n),
        ...more,
      });
      const jobs = [
        single(uuid(1), 'Arsenal', { asker: asker(1, { replyTo: 'a b', correlationid: 'order 7 "\n' }) }),
        single(uuid(2), 'Ajax', { asker: asker(2, { replyTo: 'a b' }) }),
        single(uuid(3), 'Everton', { replyTo: 'c' }),
        single(uuid(4), 'Lens', { asker: asker(2) }),
        list(uuid(5), ['Lille', 'Metz']),
      ];
      await accept(jobs);
      let at = now;
      for (const [n, wait] of [15, 30, 60, 120, 240].entries())
        expect(await store.overdue({ now: (at += wait * 1000), limit: 10 })).toEqual(
          jobs.map((job) => ({ ...job, attempts: n + 1 })),
        );
      expect(await store.overdue({ now: at + 240_000, limit: 10 })).toEqual([]);
      expect(await store.audit()).toMatchObject({ failed: 6, open: 0, unaccounted: [] });
    });

    test('a sweep reads no more bytes than one event shall have, but one job at least', async () => {
      const large = (n: number) =>
        single(uuid(n), `Team ${n}`, {
          asker: { source: '/large', id: uuid(n), correlationid: 'x'.repeat(sweepBytes) },
        });
      await accept([large(1), large(2)]);
      await accept([single(uuid(3)), single(uuid(4), 'Ajax')], now + 1);
      const sweep = async (): Promise<string[]> =>
        (await store.overdue({ now: now + 20_000, limit: 1000 })).map(({ id }) => id);
      expect(await sweep()).toEqual([uuid(1)]);
      expect(await sweep()).toEqual([uuid(2)]);
      expect(await sweep()).toEqual([uuid(3), uuid(4)]);
      expect(await sweep()).toEqual([]);
    });

    test('what ends unanswered does not keep back what is overdue behind it', async () => {
      await accept(Array.from({ length: 5 }, (_, n) => single(uuid(n), `Team ${n}`)));
      let at = now;
      for (const wait of [15, 30, 60, 120, 240]) await store.overdue({ now: (at += wait * 1000), limit: 10 });
      await accept([single(uuid(9), 'Ajax')], at + 230_000);
      const next = await store.overdue({ now: at + 245_000, limit: 2 });
      expect(next.map(({ id }) => id)).toEqual([uuid(9)]);
      expect(await store.audit()).toMatchObject({ failed: 5, open: 1, unaccounted: [] });
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
