import { expect, test } from 'vitest';
import { createRecent } from '../../../functions/ingress/src/recent.ts';

const stored = (n: number) => ({ text: `{"status":"done","prediction":${n}}`, cached: false });
const keysIn = (recent: ReturnType<typeof createRecent>, keys: readonly string[]): string[] =>
  keys.filter((key) => recent.find(key) !== undefined);

test('keeps no more than its limit, and nothing with a limit of 0', () => {
  const none = createRecent(0);
  for (const key of ['a', 'b']) none.remember(key, stored(1));
  expect(keysIn(none, ['a', 'b'])).toEqual([]);

  const two = createRecent(2);
  for (const key of ['a', 'b', 'c', 'd']) two.remember(key, stored(1));
  expect(keysIn(two, ['a', 'b', 'c', 'd'])).toEqual(['c', 'd']);
});

test('a failed outcome is not kept', () => {
  const recent = createRecent(2);
  recent.remember('a', { text: '{"status":"failed","reason":"no"}', cached: false });
  expect(recent.find('a')).toBeUndefined();
});

test('what was found or kept is said to come from the cache', () => {
  const recent = createRecent(2);
  recent.remember('a', stored(1));
  expect(recent.find('a')).toEqual({ ...stored(1), cached: true });
});

test('the least recently used goes first, also after many have gone', () => {
  const limit = 50;
  const recent = createRecent(limit);
  // What the order must be, kept the slow way.
  let order: string[] = [];
  const use = (key: string): void => void (order = [...order.filter((each) => each !== key), key]);
  for (let n = 0; n < 2000; n++) {
    const known = order[(n * 7) % limit];
    if (n % 3 === 0 && known !== undefined) {
      expect(recent.find(known)).toBeDefined();
      use(known);
    }
    recent.remember(`key ${n}`, stored(n));
    order = [...order, `key ${n}`].slice(-limit);
  }
  const all = Array.from({ length: 2000 }, (_, n) => `key ${n}`);
  expect(keysIn(recent, all).sort()).toEqual([...order].sort());
});
