import * as v from 'valibot';
import { expect, test } from 'vitest';
import {
  createBuckets,
  isEmpty,
  recordValue,
  resizeWindow,
  smoothingCoefficient,
  windowAverage,
} from '../../../eventing/local/autoscaler/buckets.ts';
import { createMaxWindow, peakOf, recordPeak } from '../../../eventing/local/autoscaler/max-window.ts';
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
