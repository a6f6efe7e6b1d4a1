import { openStore } from '../../../../functions/shared/store/open.ts';
import { digest, model, outcomesOf, single, uuid } from './fixtures.ts';

/**
 * A process of its own on a store. `complete URL COUNT SHIFT` answers the requests 0..COUNT-1 in batches, begun at SHIFT, and prints what was
 * stored. `endless URL FIRST` accepts and answers requests until it is killed, and prints what it was promised.
 */
const [role = '', url = '', count = '', shift = ''] = process.argv.slice(2);
const store = await openStore(url);
if (role === 'complete') {
  const batch = 25;
  const totals = { stored: 0, duplicates: 0 };
  for (let at = 0; at < Number(count); at += batch) {
    const first = (at + Number(shift)) % Number(count);
    const outcomes = Array.from({ length: batch }, (_, n) => first + n).flatMap((n) =>
      outcomesOf(single(uuid(n), `Team ${n}`)),
    );
    const { stored, duplicates } = await store.complete({ model, outcomes, now: Date.now() });
    totals.stored += stored;
    totals.duplicates += duplicates;
  }
  console.log(JSON.stringify(totals));
  await store.close();
} else {
  for (let n = Number(count); ; n += 3) {
    const jobs = [n, n + 1, n + 2].map((one) => single(uuid(one), `Team ${one}`));
    await store.accept(jobs, { digest, now: Date.now() });
    process.stdout.write(jobs.map(({ id }) => `accepted ${id}\n`).join(''));
    const outcomes = jobs.slice(1).flatMap(outcomesOf);
    await store.complete({ model, outcomes, now: Date.now() });
    process.stdout.write(outcomes.map(({ id }) => `done ${id}\n`).join(''));
  }
}
