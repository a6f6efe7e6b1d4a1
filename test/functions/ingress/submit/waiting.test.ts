import { expect, test } from 'vitest';
import { createWaiting } from '../../../../functions/ingress/src/submit/waiting.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { textOf } from '../../../../functions/shared/store/rules.ts';
import {
  type Found,
  StoreUnavailable,
  type StoredOutcome,
} from '../../../../functions/shared/store/store.ts';

const log = createLog('error');
const never = new AbortController().signal;
const failed = (id: string): StoredOutcome => ({
  text: textOf({ id, status: 'failed', reason: `of ${id}` }),
  cached: false,
});

test('an outcome that nobody told of is found in the store, also after the store was away', async () => {
  let asked = 0;
  const find = async (id: string): Promise<Found> => {
    asked++;
    if (asked === 1) throw new StoreUnavailable('away');
    return { status: 'failed', list: false, outcomes: [failed(id)] };
  };
  const waiting = createWaiting({ find }, log, 5);
  const waiter = waiting.open('a', 1);
  await waiter.settled(10_000, never);
  expect(waiter.outcomes).toEqual([failed('a')]);
  waiter.close();
  waiting.close();
  expect(asked).toBeGreaterThan(1);
});

test('places of a list are told one by one, to each who waits; others’ and unknown places change nothing', async () => {
  const waiting = createWaiting({ find: () => Promise.resolve({ status: 'unknown' }) }, log);
  const [one, two] = [waiting.open('a', 2), waiting.open('a', 2)];
  const changed = one.changed(10_000, never);
  waiting.settle([
    { id: 'a.1', ...failed('a.1') },
    { id: 'a.7', ...failed('a.7') },
    { id: 'b', ...failed('b') },
  ]);
  await changed;
  expect(one.outcomes).toEqual([undefined, failed('a.1')]);
  expect(two.complete()).toBe(false);
  waiting.settle([{ id: 'a.0', ...failed('a.0') }]);
  await two.settled(10_000, never);
  expect(two.complete()).toBe(true);
  one.close();
  two.close();
  waiting.close();
});
