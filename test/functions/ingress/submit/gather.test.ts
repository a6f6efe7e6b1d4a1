import { expect, test } from 'vitest';
import { gather } from '../../../../functions/ingress/src/submit/gather.ts';

test('a batch that fails rejects for its own items only', async () => {
  const add = gather<string, string>(
    async (items) => {
      if (items.includes('bad')) throw new Error('bad batch');
      return items;
    },
    { limit: 1, size: () => 1 },
  );
  const results = await Promise.allSettled(['good', 'bad', 'fine'].map(add));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('the first goes at once, the rest together up to the limit, and an item over the limit goes alone', async () => {
  const batches: number[][] = [];
  const add = gather<number, number>(
    async (items) => {
      batches.push([...items]);
      await new Promise(setImmediate);
      return items.map((item) => item * 10);
    },
    { limit: 5, size: (item) => item },
  );
  expect(await Promise.all([1, 2, 3, 4, 9, 1].map(add))).toEqual([10, 20, 30, 40, 90, 10]);
  expect(batches).toEqual([[1], [2, 3], [4], [9], [1]]);
});

test('what is held gives its results at once, and holds back only the next batch', async () => {
  const batches: number[][] = [];
  const release: (() => void)[] = [];
  const add = gather<number, number>(
    async (items) => {
      batches.push([...items]);
      return items;
    },
    {
      limit: 9,
      size: () => 1,
      hold: () => new Promise((resolve) => release.push(resolve)),
    },
  );
  expect(await add(1)).toBe(1);
  const rest = Promise.all([add(2), add(3)]);
  await new Promise(setImmediate);
  expect(batches).toEqual([[1]]);
  release[0]?.();
  expect(await rest).toEqual([2, 3]);
  expect(batches).toEqual([[1], [2, 3]]);
});

test('a full batch is not held back: waiting would not make it fuller', async () => {
  const batches: number[][] = [];
  const add = gather<number, number>(
    async (items) => {
      batches.push([...items]);
      return items;
    },
    { limit: 3, size: () => 1, hold: () => new Promise(() => undefined) },
  );
  expect(await add(1)).toBe(1);
  void add(2);
  void add(3);
  await new Promise(setImmediate);
  expect(batches).toEqual([[1]]);
  expect(await add(4)).toBe(4);
  expect(batches).toEqual([[1], [2, 3, 4]]);
});
