import { describe, expect, test } from 'vitest';
import { pickReplica } from '../../../../eventing/local/serving/pick.ts';

const replicas = (...inFlight: number[]) => inFlight.map((busy, place) => ({ place, inFlight: busy }));

describe('none is picked', () => {
  test.each([0, 1, 4])('of no replicas, with a limit of %i', (limit) => {
    expect(pickReplica(limit).free([])).toBeUndefined();
    expect(pickReplica(limit).any([])).toBeUndefined();
  });

  test.each([1, 3, 4, 100])('when each has its %i', (limit) => {
    expect(pickReplica(limit).free(replicas(limit, limit, limit))).toBeUndefined();
  });
});

test('without a limit the less busy of two different ones, so never the busiest', () => {
  const pick = pickReplica<ReturnType<typeof replicas>[number]>(0);
  const counts = [0, 0, 0];
  for (let n = 0; n < 3000; n++) {
    const { place } = pick.free(replicas(5, 9, 1)) ?? { place: NaN };
    counts[place] = (counts[place] ?? 0) + 1;
  }
  // Of three pairs, two hold the third replica.
  expect(counts[1]).toBe(0);
  expect(counts[2]).toBeGreaterThan(1700);
  expect(counts[0]).toBeGreaterThan(700);
  expect(pick.free(replicas(7))).toMatchObject({ place: 0 });
});

test.each([1, 2, 3])('with a limit of %i the first with a free slot', (limit) => {
  const pick = pickReplica(limit);
  expect(pick.free(replicas(0, 0))).toMatchObject({ place: 0 });
  expect(pick.free(replicas(limit, limit - 1, 0))).toMatchObject({ place: 1 });
});

test('with a higher limit in turn, leaving out the full ones', () => {
  const pick = pickReplica<ReturnType<typeof replicas>[number]>(4);
  const turns = (of: ReturnType<typeof replicas>) => Array.from({ length: 6 }, () => pick.free(of)?.place);
  const [first, second, third, ...again] = turns(replicas(0, 0, 0));
  expect([first, second, third].sort()).toEqual([0, 1, 2]);
  expect(again).toEqual([first, second, third]);
  expect(new Set(turns(replicas(3, 4, 0)))).toEqual(new Set([0, 2]));
});
