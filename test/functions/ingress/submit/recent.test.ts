import { expect, test } from 'vitest';
import { createRecent } from '../../../../functions/ingress/src/submit/recent.ts';

const stored = (n: number) => ({ text: `{"status":"done","prediction":${n}}`, cached: false });
const keysIn = (recent: ReturnType<typeof createRecent>, keys: readonly string[]): string[] =>
  keys.filter((key) => recent.find(key) !== undefined);

test('keeps no more than its limit, and nothing with a limit of 0', () => {
  const none = createRecent(0);
  for (const key of ['a', 'b']) none.remember(key, stored(1));
  expect(keysIn(none, ['a', 'b'])).toEqual([]);

  const four = createRecent(4);
  for (const key of ['a', 'b', 'c', 'd']) four.remember(key, stored(1));
  expect(keysIn(four, ['a', 'b', 'c', 'd'])).toEqual(['c', 'd']);

  const one = createRecent(1);
  for (const key of ['a', 'b']) one.remember(key, stored(1));
  expect(keysIn(one, ['a', 'b'])).toEqual(['b']);
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

test('of all that was used, the last half of its limit is always kept, and never more than its limit', () => {
  const limit = 50;
  // In the order of their last use.
  let used: string[] = [];
  const use = (key: string): void => void (used = [...used.filter((each) => each !== key), key]);
  for (let count = 1; count < 400; count++) {
    const recent = createRecent(limit);
    used = [];
    for (let n = 0; n < count; n++) {
      const known = used.at(-1 - (n % (limit / 2)));
      if (n % 3 === 0 && known !== undefined) {
        expect(recent.find(known)).toBeDefined();
        use(known);
      }
      recent.remember(`key ${n}`, stored(n));
      use(`key ${n}`);
    }
    const last = used.slice(-limit / 2);
    expect(keysIn(recent, last)).toEqual(last);
    expect(keysIn(recent, used).length).toBeLessThanOrEqual(limit);
  }
});
