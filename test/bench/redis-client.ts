import { setTimeout as wait } from 'node:timers/promises';
import { openStore } from '../../functions/shared/store/open.ts';
import { StoreUnavailable } from '../../functions/shared/store/store.ts';
import { digest, list, model, outcomesOf } from '../functions/shared/store/fixtures.ts';
import { newId } from '../../functions/shared/id.ts';

/**
 * One process of `redis-memory.ts`: CLIENTS callers ask lists of 1000 matches of the store URL for SECONDS, whatever it answers. Of three lists, one has
 * matches that all callers ask at that moment, one has matches of its own, and one is read again. Prints what came of them.
 */
const [url = '', clients = '', seconds = ''] = process.argv.slice(2);
const store = await openStore(url);
const stop = await store.listen(`process ${process.pid}`, () => undefined);
const end = Date.now() + Number(seconds) * 1000;
const seen = { accepted: 0, refused: 0, slowest: 0 };
const grid = Array.from({ length: 11 }, () => Array.from({ length: 11 }, (_, n) => 0.012345678901 * n));

/** As the broker delivers an event: again, when it was not taken. */
async function delivered(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || attempt === 5) throw error;
      await wait(200);
    }
  }
}

async function once(n: number): Promise<void> {
  const now = Date.now();
  const of = n % 3 === 0 ? `all ${Math.floor(now / 3000)}` : newId();
  const homes = Array.from({ length: 1000 }, (_, place) => `${of} ${place}`);
  const job = list(newId(), homes, { replyTo: `process ${process.pid}` });
  const [accepted] = await store.accept([job], { digest, now });
  const wanted = new Set(accepted?.publish);
  const outcomes = outcomesOf(job).filter((_, place) => wanted.has(place));
  // A tenth of the lists has grids of scores, which are six times as large.
  if (n % 10 === 0) for (const one of outcomes) if (one.status === 'done') one.prediction.scoreline = grid;
  if (outcomes.length > 0) await delivered(() => store.complete({ model, outcomes, now }));
  if (n % 3 === 1) await store.find(job.id);
}

await Promise.all(
  Array.from({ length: Number(clients) }, async (_, client) => {
    for (let n = client; Date.now() < end; n++) {
      const began = performance.now();
      try {
        await once(n);
        seen.accepted++;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        seen.refused++;
        await wait(200);
      }
      seen.slowest = Math.max(seen.slowest, performance.now() - began);
    }
  }),
);
console.log(JSON.stringify(seen));
await stop().catch(() => undefined);
await store.close();
