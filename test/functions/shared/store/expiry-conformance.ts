import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../../../functions/shared/store/store.ts';
import { until } from '../../../until.ts';
import type { Opened } from './conformance.ts';
import { digest, failed, list, model, outcomesOf, single, uuid } from './fixtures.ts';

/** What every store promises of ids whose results are kept no longer. */
export function expiryConformance(name: string, open: () => Promise<Opened>): void {
  describe(`expiry on ${name}`, () => {
    let store: Store;
    let brief: Store;

    beforeEach(async () => {
      const opened = await open();
      store = opened.store;
      brief = await opened.brief();
    });
    afterEach(() => Promise.all([brief.close(), store.close()]));

    test('an id stays known when its result has expired, and is unknown when it has too', async () => {
      await brief.accept([single(uuid(1))], { digest, now: Date.now() });
      await brief.complete({ model, outcomes: [failed(uuid(1))], now: Date.now() });
      await until(async () => (await brief.find(uuid(1))).status === 'expired');
      let n = 2;
      await until(async () => {
        await brief.accept([single(uuid(n++))], { digest, now: Date.now() });
        return (await brief.find(uuid(1))).status === 'unknown';
      });
    });

    test('an id whose result has expired is accepted anew, before and after the result is removed', async () => {
      const jobs = [single(uuid(1)), list(uuid(2), ['Ajax', 'Everton'])];
      // So many writes make the store look for what to remove.
      const others = Array.from({ length: 300 }, (_, n) => single(uuid(n + 3), `Team ${n}`));
      for (const written of [[], [], others]) {
        await brief.accept(written, { digest, now: Date.now() });
        for (const job of jobs) {
          const [accepted] = await brief.accept([job], { digest, now: Date.now() });
          expect(accepted?.publish).toEqual([...job.requests.keys()]);
          expect((await brief.find(job.id)).status).toBe('queued');
          await brief.complete({ model, outcomes: outcomesOf(job), now: Date.now() });
        }
        for (const { id } of jobs) await until(async () => (await brief.find(id)).status === 'expired');
      }
      expect(await brief.audit()).toMatchObject({ accepted: 309, done: 9, open: 300, unaccounted: [] });
    });
  });
}
