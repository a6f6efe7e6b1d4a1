import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeadLetter, Settled, Store } from '../../../../functions/shared/store/store.ts';
import { lettersKept, textOf } from '../../../../functions/shared/store/rules.ts';
import { until } from '../../../until.ts';
import { runChild } from './processes.ts';
import { digest, done, doneText, failed, list, model, outcomesOf, single, uuid } from './fixtures.ts';

const Totals = v.object({ stored: v.number(), duplicates: v.number() });

export type Opened = { url: string; store: Store; another(): Promise<Store>; brief(): Promise<Store> };

/** What every store promises. `open` makes an empty one; `another` is a second connection to it, `brief` one that keeps little. */
export function storeConformance(name: string, open: () => Promise<Opened>): void {
  describe(`store on ${name}`, () => {
    let opened: Opened;
    let store: Store;
    const now = Date.now();
    const accept = (jobs: Parameters<Store['accept']>[0], at = now) =>
      store.accept(jobs, { digest, now: at });
    const complete = (outcomes: ReturnType<typeof outcomesOf>, at = now) =>
      store.complete({ model, outcomes, now: at });
    const status = async (id: string): Promise<string> => (await store.find(id)).status;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => store.close());

    test('an id that was never given is unknown, whatever it looks like', async () => {
      for (const id of [uuid(1), `${uuid(1)}.0`, '', 'x\n"\u0000{}', '../*'])
        expect(await store.find(id)).toEqual({ status: 'unknown' });
    });

    test('the version that answered last is unknown at first, then what was kept last, for every process', async () => {
      expect(await store.lastGood.find()).toBeUndefined();
      await accept([single(uuid(1))]);
      await complete(outcomesOf(single(uuid(1))));
      expect(await store.lastGood.find()).toBeUndefined();
      const other = { ...model, version: '2', digest: 'd2'.repeat(32) };
      for (const kept of [model, other, model]) await store.lastGood.keep(kept);
      const second = await opened.another();
      expect(await second.lastGood.find()).toEqual(model);
      await second.close();
    });

    test('a failed outcome fails a single job with its reason, and is not cached', async () => {
      await accept([single(uuid(1))]);
      await complete([failed(uuid(1))]);
      const found = await store.find(uuid(1));
      expect(found).toEqual({
        status: 'failed',
        list: false,
        outcomes: [{ text: textOf(failed(uuid(1))), model, cached: false }],
      });
      expect((await accept([single(uuid(2))]))[0]?.publish).toEqual([0]);
    });

    test('a request is queued, then done once and for all; a second answer is counted and changes nothing', async () => {
      expect(await accept([single(uuid(1))])).toEqual([{ id: uuid(1), outcomes: [undefined], publish: [0] }]);
      expect(await store.find(uuid(1))).toEqual({ status: 'queued', list: false, outcomes: [undefined] });
      expect(await complete(outcomesOf(single(uuid(1))))).toEqual({
        stored: 1,
        duplicates: 0,
        conflicts: [],
      });
      expect(await complete([failed(uuid(1)), failed(uuid(1))])).toEqual({
        stored: 0,
        duplicates: 2,
        conflicts: [],
      });
      expect(await store.find(uuid(1))).toEqual({
        status: 'done',
        list: false,
        outcomes: [{ text: doneText(), model, cached: false }],
      });
      expect(await store.audit()).toEqual({
        ...{ accepted: 1, done: 1, failed: 0, open: 0, deadLettered: 0, duplicates: 2, unaccounted: [] },
      });
    });

    test('accepting an id again publishes nothing and counts nothing, before and after its end', async () => {
      await accept([single(uuid(1)), single(uuid(1))]);
      expect((await accept([single(uuid(1))]))[0]?.publish).toEqual([]);
      await complete([failed(uuid(1))]);
      const again = await accept([single(uuid(1))]);
      expect(again[0]?.outcomes[0]).toMatchObject({ text: textOf(failed('')) });
      expect(again[0]?.publish).toEqual([]);
      expect(await store.audit()).toMatchObject({ accepted: 1, failed: 1, open: 0, unaccounted: [] });
    });

    test('what is cached is answered at once and leaves no trace unless it is to be kept', async () => {
      await accept([single(uuid(1))]);
      await complete(outcomesOf(single(uuid(1))));
      const accepted = await accept([single(uuid(2)), single(uuid(3), 'Arsenal', { keep: true })]);
      const text = doneText();
      expect(accepted[0]).toEqual({ id: uuid(2), outcomes: [{ text, model, cached: true }], publish: [] });
      expect(await status(uuid(2))).toBe('unknown');
      expect(await status(uuid(3))).toBe('done');
      expect(await store.audit()).toMatchObject({ accepted: 2, done: 2, open: 0, unaccounted: [] });
    });

    test('an outcome that is known when its job is accepted is kept with the model that it names', async () => {
      const other = { ...model, version: '2', digest: 'd2'.repeat(32) };
      const job = list(uuid(1), ['Arsenal', 'Liverpool']);
      const [first] = job.requests;
      const known = done({ id: `${uuid(1)}.0`, home: 'Arsenal', away: 'Chelsea' });
      if (first && known.status === 'done') first.outcome = { ...known, model: other };
      await accept([job]);
      // Another process has not met that model.
      const second = await opened.another();
      const found = await second.find(uuid(1));
      await second.close();
      expect(found).toMatchObject({
        status: 'queued',
        outcomes: [{ model: other, text: doneText() }, undefined],
      });
    });

    test('a prediction serves only its model, its fixture and its form', async () => {
      await accept([single(uuid(1))]);
      await complete(outcomesOf(single(uuid(1))));
      const other = await store.accept([single(uuid(2))], { digest: 'other', now });
      expect(other[0]?.publish).toEqual([0]);
      const grid = single(uuid(3));
      if (grid.requests[0]) grid.requests[0].request.scoreline = true;
      expect((await accept([grid, single(uuid(4), 'Everton')])).map(({ publish }) => publish)).toEqual([
        [0],
        [0],
      ]);
    });

    test('identical requests in flight share one publication, and each is answered under its own id', async () => {
      const second = await opened.another();
      await accept([single(uuid(1))]);
      expect((await second.accept([single(uuid(2))], { digest, now }))[0]?.publish).toEqual([]);
      const both = await accept([list(uuid(3), ['Arsenal', 'Everton', 'Everton'])]);
      expect(both[0]?.publish).toEqual([1]);
      await complete(outcomesOf(single(uuid(1))));
      expect(await store.find(uuid(2))).toMatchObject({
        status: 'done',
        outcomes: [{ text: doneText(), model, cached: false }],
      });
      expect(await status(uuid(3))).toBe('queued');
      await complete([done({ id: `${uuid(3)}.1`, home: 'Everton', away: 'Chelsea' })]);
      const found = await store.find(uuid(3));
      expect(found).toMatchObject({
        status: 'done',
        outcomes: ['Arsenal', 'Everton', 'Everton'].map((home) => ({
          text: doneText(home),
        })),
      });
      expect(await store.audit()).toMatchObject({
        accepted: 5,
        done: 5,
        open: 0,
        duplicates: 0,
        unaccounted: [],
      });
      await second.close();
    });

    test('another kickoff is another question', async () => {
      await accept([single(uuid(1), 'Arsenal', { kickoff: '2020-01-01' })]);
      expect((await accept([single(uuid(2))]))[0]?.publish).toEqual([0]);
    });

    test('who joined a flight and has an outcome of its own beside that of the leader counts no duplicate', async () => {
      const twins = [single(uuid(1)), single(uuid(2))];
      await accept(twins);
      expect(await complete(twins.flatMap(outcomesOf))).toEqual({ stored: 2, duplicates: 0, conflicts: [] });
    });

    test('a failed outcome ends a flight, for those who joined it too', async () => {
      await accept([single(uuid(1)), single(uuid(2))]);
      await complete([failed(uuid(1))]);
      expect(await status(uuid(2))).toBe('failed');
      expect((await accept([single(uuid(3))]))[0]?.publish).toEqual([0]);
    });

    test('a flight does not hold for ever', async () => {
      await accept([single(uuid(1))]);
      expect((await accept([single(uuid(2))], now + 29_000))[0]?.publish).toEqual([]);
      expect((await accept([single(uuid(3))], now + 31_000))[0]?.publish).toEqual([0]);
    });

    test('early outcomes of a list are stored with it; it is done when every outcome is there', async () => {
      const job = list(uuid(1), ['Arsenal', 'Nowhere', 'Everton']);
      if (job.requests[1]) job.requests[1].outcome = failed(`${uuid(1)}.1`);
      const [accepted] = await accept([job]);
      expect(accepted?.publish).toEqual([0, 2]);
      expect(accepted?.outcomes[1]).toEqual({ text: textOf(failed('')), cached: false });
      const [first, , last] = outcomesOf(job);
      if (first) await complete([first]);
      expect(await status(uuid(1))).toBe('queued');
      if (last) await complete([last]);
      expect(await status(uuid(1))).toBe('done');
      expect(await store.audit()).toMatchObject({
        accepted: 3,
        done: 2,
        failed: 1,
        open: 0,
        unaccounted: [],
      });
    });

    test('an answer to a request that ingress never saw is accepted and stored under its id', async () => {
      const ids = [uuid(1), `${uuid(2)}.0`, `${uuid(2)}.7`];
      const outcomes = ids.map((id) => done({ id, home: 'Arsenal', away: 'Chelsea' }));
      expect(await complete(outcomes)).toEqual({ stored: 3, duplicates: 0, conflicts: [] });
      expect(await complete(outcomes)).toEqual({ stored: 0, duplicates: 3, conflicts: [] });
      for (const [at, id] of ids.entries())
        expect(await store.find(id)).toMatchObject({
          status: 'done',
          list: false,
          outcomes: [outcomes[at] && { text: textOf(outcomes[at]) }],
        });
      expect(await store.audit()).toMatchObject({
        accepted: 3,
        done: 3,
        open: 0,
        duplicates: 3,
        unaccounted: [],
      });
    });

    test("a producer's single request may have an id that looks like a place of a list", async () => {
      const id = `${uuid(1)}.3`;
      await accept([single(id), list(uuid(2), ['Ajax'])]);
      expect((await store.overdue({ now: now + 15_000, limit: 1 }))[0]?.requests[0]?.request.id).toBe(id);
      await complete([failed(id), failed(`${uuid(2)}.1`, 'Ajax')]);
      expect(await complete([failed(uuid(2))])).toEqual({ stored: 0, duplicates: 1, conflicts: [] });
      expect(await status(id)).toBe('failed');
      expect(await status(uuid(2))).toBe('queued');
      expect(await store.audit()).toMatchObject({ accepted: 3, failed: 2, open: 1, unaccounted: [] });
    });

    test('who listens hears of its own requests, from another process too, until it stops', async () => {
      const second = await opened.another();
      const heard: Settled[] = [];
      const stop = await store.listen('replica-1', (settled) => heard.push(...settled));
      await accept([single(uuid(1), 'Arsenal', { replyTo: 'replica-1' })]);
      await accept([
        single(uuid(2), 'Arsenal', { replyTo: 'replica-1' }),
        single(uuid(3), 'Ajax', { replyTo: 'other' }),
      ]);
      const outcomes = [...outcomesOf(single(uuid(1))), ...outcomesOf(single(uuid(3), 'Ajax'))];
      await second.complete({ model, outcomes, now });
      await until(() => heard.length >= 2);
      expect(heard.map(({ id }) => id).sort()).toEqual([uuid(1), uuid(2)]);
      expect(heard[0]).toEqual({
        id: uuid(1),
        text: doneText(),
        model,
        cached: false,
      });
      await store.complete({ model, outcomes: [failed(uuid(9))], replyTo: 'replica-1', now });
      await until(() => heard.length === 3);
      await stop();
      await second.complete({ model, outcomes: [failed(uuid(10))], replyTo: 'replica-1', now });
      await second.close();
      expect(heard).toHaveLength(3);
    });

    test('five processes that bring every outcome at once store each once, and count the other four', async () => {
      const count = 300;
      const jobs = Array.from({ length: count }, (_, n) => single(uuid(n), `Team ${n}`, { replyTo: 'r' }));
      const joined = jobs.map((_, n) => single(uuid(count + n), `Team ${n}`, { replyTo: 'r' }));
      const heard: string[] = [];
      const stop = await store.listen('r', (settled) => heard.push(...settled.map(({ id }) => id)));
      await accept([...jobs, ...joined]);
      const printed = await Promise.all(
        [0, 0, 0, 150, 275].map((shift) => runChild(['complete', opened.url, count, shift])),
      );
      const totals = printed.map(([line = '']) => v.parse(Totals, JSON.parse(line)));
      expect(totals.reduce((sum, { stored }) => sum + stored, 0)).toBe(count);
      expect(totals.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(4 * count);
      await until(() => heard.length >= 2 * count);
      expect(new Set(heard).size).toBe(2 * count);
      expect(heard).toHaveLength(2 * count);
      expect(await store.audit()).toEqual({
        ...{
          accepted: 2 * count,
          done: 2 * count,
          failed: 0,
          open: 0,
          deadLettered: 0,
          duplicates: 4 * count,
        },
        unaccounted: [],
      });
      await stop();
    });

    test('processes that are killed in the middle leave what they were promised, and nothing half done', async () => {
      const lines = (
        await Promise.all(
          [0, 1_000_000].map((first) =>
            runChild(['endless', opened.url, first], (seen) => seen.length > 400),
          ),
        )
      ).flat();
      expect(lines.length).toBeGreaterThan(700);
      for (const line of lines) {
        const [promise, id = ''] = line.split(' ');
        expect(promise === 'done' ? ['done'] : ['queued', 'done']).toContain(await status(id));
      }
      const audit = await store.audit();
      expect(audit.unaccounted).toEqual([]);
      expect(audit.done + audit.failed + audit.open).toBe(audit.accepted);
    });

    test('a key is claimed once', async () => {
      const second = await opened.another();
      const claims = await Promise.all(
        [store, second, store].map((one, n) => one.claim('key', { id: uuid(n), fingerprint: `f${n}` })),
      );
      expect(new Set(claims.map(({ id }) => id)).size).toBe(1);
      expect(await store.claim('other', { id: uuid(7), fingerprint: 'f' })).toEqual({
        id: uuid(7),
        fingerprint: 'f',
      });
      await second.close();
    });

    test('dead letters are kept until they are removed, once each, as they were seen last', async () => {
      const letter = {
        ...{ id: 'e1', time: '2026-08-31T12:00:00Z', destination: 'http://predict', code: 503, attempts: 6 },
        signed: true,
        event: { specversion: '1.0', id: 'e1', data: { requests: [] as string[] } },
      };
      expect(await store.deadLetters.find('e1')).toBeUndefined();
      expect(await store.deadLetters.remove('e1')).toBe(false);
      await store.deadLetters.add({ ...letter, attempts: 3 });
      await store.deadLetters.add(letter);
      expect(await store.deadLetters.list()).toEqual([letter]);
      expect(await store.deadLetters.find('e1')).toEqual(letter);
      expect(await store.deadLetters.remove('e1')).toBe(true);
      expect(await store.audit()).toMatchObject({ deadLettered: 1 });
    });

    describe('dead letters that nobody signed', () => {
      const letter = (n: number, signed: boolean, text = ''): DeadLetter => ({
        ...{ id: `${signed ? 'signed' : 'other'} ${n}`, time: new Date(n).toISOString(), signed },
        ...{ destination: 'http://predict', code: 503, attempts: 1, event: { text } },
      });
      const idsKept = async () => (await store.deadLetters.list()).map(({ id }) => id);
      const droppedBy = async (letters: DeadLetter[]) => {
        let all = 0;
        for (const one of letters) all += (await store.deadLetters.add(one)).dropped;
        return all;
      };

      test('push out each other, the oldest first, and none that is signed', async () => {
        const signed = Array.from({ length: 3 }, (_, n) => letter(n, true));
        const others = Array.from({ length: lettersKept.count + 2 }, (_, n) => letter(10 + n, false));
        expect(await droppedBy(signed)).toBe(0);
        expect(await droppedBy(others.slice(0, 2))).toBe(0);
        // Older by more than the tick of a clock.
        const since = Date.now();
        await until(() => Date.now() > since + 1, { deadline: 1000 });
        expect(await droppedBy(others.slice(2))).toBe(2);
        const ids = await idsKept();
        expect(ids).toHaveLength(3 + lettersKept.count);
        expect(ids).toEqual(expect.arrayContaining(signed.map(({ id }) => id)));
        expect(ids).not.toContain('other 10');
        expect(ids).not.toContain('other 11');
      });

      test('have together no more than so many bytes', async () => {
        const large = 'x'.repeat(2 ** 20);
        const others = Array.from({ length: 20 }, (_, n) => letter(n, false, large));
        const fit = Math.floor(lettersKept.bytes / JSON.stringify(others[0]).length);
        expect(await droppedBy(others)).toBe(20 - fit);
        expect(await idsKept()).toHaveLength(fit);
        // What is removed, or comes again, weighs no more.
        const [first = ''] = await idsKept();
        expect(await store.deadLetters.remove(first)).toBe(true);
        expect(await droppedBy([letter(30, false, large), letter(30, false, large)])).toBe(0);
      });
    });

    test('text comes back as it was: empty arrays, long numbers, any letters', async () => {
      const job = single(uuid(1), 'Škoda "\\ \n\u2028 東京');
      const outcome = done({ id: uuid(1), home: 'Škoda "\\ \n\u2028 東京', away: 'Chelsea' });
      if (outcome.status === 'done') outcome.prediction.scoreline = [[], [0.12345678901234567]];
      await accept([job]);
      await complete([outcome]);
      expect(await store.find(uuid(1))).toMatchObject({ outcomes: [{ text: textOf(outcome) }] });
    });
  });
}
