import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import {
  createBuckets,
  isEmpty,
  recordValue,
  resizeWindow,
  smoothingCoefficient,
  windowAverage,
} from '../../../../../eventing/local/serving/autoscaler/buckets.ts';
import {
  createMaxWindow,
  peakOf,
  recordPeak,
} from '../../../../../eventing/local/serving/autoscaler/max-window.ts';
import { equalNumber, lengthMs, readTraces, toMs } from './wire.ts';

const Op = v.union([
  v.strictTuple([v.literal('r'), v.number(), v.number()]),
  v.strictTuple([v.literal('a'), v.number(), v.number(), v.picklist([0, 1])]),
  v.strictTuple([v.literal('w'), v.number(), v.number()]),
  v.strictTuple([v.literal('m'), v.number(), v.number(), v.number()]),
]);
const Case = v.object({
  name: v.string(),
  kind: v.picklist(['linear', 'weighted', 'max']),
  windowS: v.number(),
  granularityS: v.number(),
  smoothingCoeff: v.optional(v.number()),
  ops: v.array(Op),
});
type Case = v.InferOutput<typeof Case>;

test('every recorded window average and maximum is equal', () => {
  const { cases } = readTraces('bucket-traces.json', v.object({ cases: v.array(Case) }));
  const differences: string[] = [];
  for (const item of cases)
    for (const [op, expected, actual] of item.kind === 'max' ? replayMaximum(item) : replayAverage(item)) {
      if (!equalNumber(actual, expected, item.kind === 'weighted'))
        differences.push(`${item.name} ${op}: ${actual} instead of ${expected}`);
    }
  expect(differences).toEqual([]);
  const checked = cases.flatMap((item) => item.ops).filter(([op]) => op === 'a' || op === 'm').length;
  expect(checked).toBeGreaterThan(cases.length);
  console.log(`bucket traces: ${cases.length} sequences, ${checked} results replayed, ${checked} equal`);
});

function* replayAverage(item: Case): Generator<[string, number, number]> {
  const aggregation = item.kind === 'linear' ? 'linear' : 'weighted-exponential';
  const buckets = createBuckets(lengthMs(item.windowS), lengthMs(item.granularityS));
  if (item.smoothingCoeff !== undefined)
    yield ['smoothingCoeff', item.smoothingCoeff, smoothingCoefficient(buckets.sums.length)];
  for (const op of item.ops) {
    if (op[0] === 'r') recordValue(buckets, toMs(op[1]), op[2]);
    else if (op[0] === 'w') resizeWindow(buckets, toMs(op[1]), lengthMs(op[2]));
    else if (op[0] === 'a') {
      yield [`average at ${op[1]}`, op[2], windowAverage(buckets, toMs(op[1]), aggregation)];
      yield [`empty at ${op[1]}`, op[3], Number(isEmpty(buckets, toMs(op[1])))];
    } else throw new Error(`${item.name}: ${op[0]} in a sequence of averages`);
  }
}

function* replayMaximum(item: Case): Generator<[string, number, number]> {
  let window = createMaxWindow(lengthMs(item.windowS), lengthMs(item.granularityS));
  for (const op of item.ops) {
    if (op[0] !== 'm') throw new Error(`${item.name}: ${op[0]} in a sequence of maxima`);
    window = recordPeak(window, toMs(op[1]), op[2]);
    yield [`maximum at ${op[1]}`, op[3], peakOf(window)];
  }
}

describe('for any writes', () => {
  // A linear congruential generator: the same cases in every run.
  let seed = 20_000_102;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };

  test('the linear average is what its definition says, computed from all writes anew', () => {
    for (let round = 0; round < 300; round++) {
      const size = 1 + random(20);
      const buckets = createBuckets(size * 1000);
      let writes: { second: number; value: number }[] = [];
      for (let second = 1000; second < 1060; second += random(3) === 0 ? random(size + 2) : 1) {
        const last = writes.at(-1)?.second ?? -Infinity;
        if (second - last >= size) writes = [];
        const value = random(100);
        writes.push({ second, value });
        recordValue(buckets, second * 1000 + random(1000), value);
        const now = second + random(size + 2);
        const span = Math.min(second - (writes[0]?.second ?? second) + 1, size - (now - second));
        const sum = writes.reduce((all, one) => (one.second > now - size ? all + one.value : all), 0);
        const expected = now - second >= size ? 0 : Math.round((sum / span) * 1e6) / 1e6;
        expect(windowAverage(buckets, now * 1000 + 999, 'linear'), `round ${round} at ${now}`).toBe(expected);
      }
    }
  });

  test('the maximum is that of the values in the window', () => {
    for (let round = 0; round < 300; round++) {
      const slots = 1 + random(12);
      let window = createMaxWindow(slots * 2000, 2000);
      const values: { slot: number; value: number }[] = [];
      for (let slot = 500; slot < 560; slot += random(3)) {
        const value = random(50);
        values.push({ slot, value });
        window = recordPeak(window, slot * 2000 + random(2000), value);
        const seen = values.filter((one) => slot - one.slot < slots).map((one) => one.value);
        expect(peakOf(window), `round ${round} in slot ${slot}`).toBe(Math.max(...seen));
      }
    }
  });
});
