import { expect, test } from 'vitest';
import { takeTurns } from '../../../../../functions/shared/store/redis/turns.ts';

/** Works that end when they are told to. */
function works() {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (n: number) => (): Promise<number> =>
    new Promise((resolve) => {
      begun.push(n);
      ends.push(() => {
        resolve(n);
      });
    });
  return { begun, ends, work };
}

test('what waits too long is rejected, was never begun, and takes no turn', async () => {
  const { begun, ends, work } = works();
  const turns = takeTurns(1, 20, () => new Error('late'));
  const first = turns(work(1));
  await expect(turns(work(2))).rejects.toThrow('late');
  expect(begun).toEqual([1]);
  ends[0]?.();
  expect(await first).toBe(1);
  const third = turns(work(3));
  expect(begun).toEqual([1, 3]);
  ends[1]?.();
  expect(await third).toBe(3);
});

test('so many run at once, and the others follow in their order', async () => {
  const { begun, ends, work } = works();
  const turns = takeTurns(2, 10_000, () => new Error('late'));
  const all = [1, 2, 3, 4].map((n) => turns(work(n)));
  expect(begun).toEqual([1, 2]);
  ends[1]?.();
  await all[1];
  await expect.poll(() => begun).toEqual([1, 2, 3]);
  ends[0]?.();
  await expect.poll(() => begun).toEqual([1, 2, 3, 4]);
  ends[2]?.();
  ends[3]?.();
  expect(await Promise.all(all)).toEqual([1, 2, 3, 4]);
});

test('a work that fails gives its turn to the next', async () => {
  const turns = takeTurns(1, 10_000, () => new Error('late'));
  const fails = turns(() => Promise.reject(new Error('broken')));
  const next = turns(() => Promise.resolve('well'));
  await expect(fails).rejects.toThrow('broken');
  expect(await next).toBe('well');
});
