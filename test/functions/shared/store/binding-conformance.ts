import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Settled, Store } from '../../../../functions/shared/store/store.ts';
import type { Opened } from './conformance.ts';
import { digest, done, doneText, failed, list, model, outcomesOf, single, uuid } from './fixtures.ts';

/** What every store promises of an id: it means what was asked under it first, as long as the result is kept. */
export function bindingConformance(name: string, open: () => Promise<Opened>): void {
  describe(`ids on ${name}`, () => {
    let store: Store;
    const now = Date.now();
    const accept = (jobs: Parameters<Store['accept']>[0], together = false) =>
      store.accept(jobs, { digest, now, together });
    const complete = (outcomes: ReturnType<typeof outcomesOf>, replyTo?: string) =>
      store.complete({ model, outcomes, now, ...(replyTo === undefined ? {} : { replyTo }) });
    const forged = done({ id: uuid(1), home: 'Everton', away: 'Chelsea' });

    beforeEach(async () => {
      store = (await open()).store;
    });
    afterEach(() => store.close());

    test('an outcome of something else is stored nowhere, serves nobody and is told nobody', async () => {
      const heard: Settled[] = [];
      const stop = await store.listen('r', (settled) => heard.push(...settled));
      await accept([single(uuid(1), 'Arsenal', { replyTo: 'r' })]);
      const follower = await accept([single(uuid(2), 'Arsenal', { replyTo: 'r' })]);
      expect(follower[0]?.publish).toEqual([]);
      const nothing = { stored: 0, duplicates: 0, conflicts: [uuid(1)] };
      expect(await complete([forged], 'r')).toEqual(nothing);
      expect(await complete([failed(uuid(1), 'Everton')], 'r')).toEqual(nothing);
      for (const n of [1, 2]) expect((await store.find(uuid(n))).status).toBe('queued');
      expect((await accept([single(uuid(3), 'Everton')]))[0]?.publish).toEqual([0]);
      expect(await store.audit()).toMatchObject({ accepted: 3, done: 0, open: 3, duplicates: 0 });
      expect(await complete(outcomesOf(single(uuid(1))))).toMatchObject({ stored: 1 });
      for (const n of [1, 2])
        expect(await store.find(uuid(n))).toMatchObject({ status: 'done', outcomes: [{ text: doneText() }] });
      await expect.poll(() => heard.length).toBe(2);
      expect(new Set(heard.map(({ text }) => text))).toEqual(new Set([doneText()]));
      await stop();
    });

    test('also behind the end, and beside the right one in the same event', async () => {
      await accept([single(uuid(1)), single(uuid(2), 'Ajax')]);
      const [right] = outcomesOf(single(uuid(1)));
      if (right)
        expect(await complete([forged, right, forged])).toEqual({
          ...{ stored: 1, duplicates: 0 },
          conflicts: [uuid(1), uuid(1)],
        });
      expect(await complete([forged])).toEqual({ stored: 0, duplicates: 0, conflicts: [uuid(1)] });
      if (right) expect(await complete([right])).toEqual({ stored: 0, duplicates: 1, conflicts: [] });
      expect(await store.find(uuid(1))).toMatchObject({ outcomes: [{ text: doneText() }] });
    });

    test('each place of a list is bound, also behind its end', async () => {
      const job = list(uuid(1), ['Arsenal', 'Everton', 'Ajax']);
      await accept([job]);
      const [first, second, third] = outcomesOf(job);
      if (!first || !second || !third) throw new Error('a list of three');
      const swapped = [
        { ...first, id: second.id },
        { ...second, id: first.id },
      ];
      const conflicts = [second.id, first.id];
      expect(await complete([...swapped, third])).toEqual({ stored: 1, duplicates: 0, conflicts });
      expect(await store.find(uuid(1))).toMatchObject({ status: 'queued' });
      expect(await complete([first, second])).toEqual({ stored: 2, duplicates: 0, conflicts: [] });
      expect(await complete(swapped)).toEqual({ stored: 0, duplicates: 0, conflicts });
      const texts = ['Arsenal', 'Everton', 'Ajax'].map((home) => ({ text: doneText(home) }));
      expect(await store.find(uuid(1))).toMatchObject({ status: 'done', outcomes: texts });
    });

    test('an id that was never accepted is bound to the first outcome', async () => {
      const [right] = outcomesOf(single(uuid(1)));
      if (right)
        expect(await complete([right, forged])).toEqual({
          ...{ stored: 1, duplicates: 0 },
          conflicts: [uuid(1)],
        });
      expect((await accept([single(uuid(1), 'Everton')]))[0]).toMatchObject({ conflict: true, publish: [] });
      expect((await accept([single(uuid(1))]))[0]).not.toHaveProperty('conflict');
    });

    test('an id that was given to something else is a conflict, open and ended, and changes nothing', async () => {
      const other = single(uuid(1), 'Everton');
      const grid = single(uuid(1));
      if (grid.requests[0]) grid.requests[0].request.scoreline = true;
      await accept([single(uuid(1))]);
      for (const status of ['queued', 'done']) {
        for (const job of [other, grid, single(uuid(1), 'Arsenal', { kickoff: '2030-01-01' })])
          expect((await accept([job]))[0]).toMatchObject({ id: uuid(1), conflict: true, publish: [] });
        expect((await accept([single(uuid(1))]))[0]).not.toHaveProperty('conflict');
        expect((await store.find(uuid(1))).status).toBe(status);
        await complete(outcomesOf(single(uuid(1))));
      }
      expect(await store.audit()).toMatchObject({ accepted: 1, done: 1, open: 0, unaccounted: [] });
    });

    test('together: where one is a conflict none is accepted, also of two in the same call', async () => {
      await accept([single(uuid(1))]);
      const others = [single(uuid(2), 'Ajax'), single(uuid(1), 'Everton'), single(uuid(3), 'Metz')];
      const refused = await accept(others, true);
      expect(refused.map(({ conflict }) => conflict)).toEqual([undefined, true, undefined]);
      expect(refused.flatMap(({ publish }) => publish)).toEqual([]);
      const twice = await accept([single(uuid(4), 'Ajax'), single(uuid(4), 'Metz')], true);
      expect(twice.map(({ conflict }) => conflict)).toEqual([undefined, true]);
      for (const n of [2, 3, 4]) expect(await store.find(uuid(n))).toEqual({ status: 'unknown' });
      expect(await store.audit()).toMatchObject({ accepted: 1, open: 1 });
      const both = await accept([single(uuid(2), 'Ajax'), single(uuid(2), 'Ajax')], true);
      expect(both.map(({ publish }) => publish)).toEqual([[0], []]);
    });

    test('what was asked is the same after a sweep, whatever its form', async () => {
      const jobs = [single(uuid(1), 'Arsenal', { kickoff: '2030-01-01' }), single(uuid(2)), single(uuid(3))];
      const [, second, third] = jobs.flatMap(({ requests }) => requests);
      if (second) second.request.scoreline = false;
      if (third) Reflect.deleteProperty(third.request, 'league');
      await accept(jobs);
      const again = await store.overdue({ now: now + 20_000, limit: 10 });
      expect(await complete(again.flatMap(outcomesOf))).toEqual({ stored: 3, duplicates: 0, conflicts: [] });
    });
  });
}
