import * as v from 'valibot';
import { expect, test } from 'vitest';
import { parseAutoscalerConfig } from '../../../../../eventing/local/serving/autoscaler/config.ts';
import { AutoscalerConfigError } from '../../../../../eventing/local/serving/autoscaler/fault.ts';
import type { AutoscalerConfig } from '../../../../../eventing/local/serving/autoscaler/config.ts';
import { createAutoscaler } from '../../../../../eventing/local/serving/autoscaler/autoscaler.ts';
import type { Autoscaler } from '../../../../../eventing/local/serving/autoscaler/autoscaler.ts';
import { equalNumber, lengthMs, readTraces, toMs } from './wire.ts';

const Input = v.object({
  annotations: v.record(v.string(), v.string()),
  configAutoscaler: v.record(v.string(), v.string()),
  containerConcurrency: v.number(),
  reachability: v.string(),
});
const Spec = v.object({
  scalingMetric: v.picklist(['concurrency', 'rps']),
  targetValue: v.number(),
  totalValue: v.number(),
  targetBurstCapacity: v.number(),
  panicThreshold: v.number(),
  stableWindowS: v.number(),
  panicWindowS: v.number(),
  maxScaleUpRate: v.number(),
  maxScaleDownRate: v.number(),
  scaleDownDelayS: v.number(),
  activationScale: v.number(),
  initialScale: v.number(),
  reachable: v.boolean(),
  aggregation: v.picklist(['linear', 'weighted-exponential']),
});
const Bit = v.picklist([0, 1]);
const Maybe = v.nullable(v.number());
const Tick = v.strictTuple([v.number(), v.number(), Bit, Maybe, Maybe, Maybe, Maybe, Bit, v.number()]);
const Sample = v.union([
  v.strictTuple([v.number(), v.number()]),
  v.strictTuple([v.number(), v.number(), v.number()]),
]);
const Scenario = v.object({
  name: v.string(),
  input: Input,
  spec: Spec,
  createdAt: v.array(v.number()),
  readyPodsAtCreation: v.array(v.number()),
  updates: v.array(v.object({ t: v.number(), input: Input, spec: Spec })),
  poke: v.boolean(),
  samples: v.array(Sample),
  ticks: v.array(Tick),
});
type Scenario = v.InferOutput<typeof Scenario>;
type Spec = v.InferOutput<typeof Spec>;

const { scenarios } = readTraces('kpa-traces.json', v.object({ scenarios: v.array(Scenario) }));

test('every recorded tick is equal', () => {
  const differences: string[] = [];
  let ticks = 0;
  for (const scenario of scenarios) {
    differences.push(...replay(scenario));
    ticks += scenario.ticks.length;
  }
  expect(differences).toEqual([]);
  expect(ticks).toBeGreaterThan(scenarios.length);
  console.log(`kpa traces: ${scenarios.length} scenarios, ${ticks} ticks replayed, ${ticks} equal`);
});

test('the config of every scenario is the one that Knative resolved, or is refused for a reason', () => {
  let [equal, refused] = [0, 0];
  for (const { name, input, spec } of scenarios.flatMap((item) => [
    item,
    ...item.updates.map((update) => ({ ...update, name: item.name })),
  ])) {
    const { annotations, containerConcurrency } = input;
    const target = Number(annotations['autoscaling.knative.dev/target']);
    const lowered = containerConcurrency > 0 && target > containerConcurrency;
    const offByOne = annotations['autoscaling.knative.dev/activation-scale'] === '1';
    if (lowered || offByOne) {
      expect(() => parseAutoscalerConfig(input), name).toThrow(AutoscalerConfigError);
      refused++;
    } else {
      expect(parseAutoscalerConfig(input), name).toMatchObject(toConfig(spec));
      equal++;
    }
  }
  console.log(`kpa inputs: ${equal} resolved equal, ${refused} refused as they must be`);
});

/** Ticks as recorded that do not come out of a replay. Order at equal times: creation, update, sample, tick. */
function replay(scenario: Scenario): string[] {
  const events = [
    ...scenario.createdAt.map((t, index) => ({
      kind: 'creation' as const,
      t,
      ready: scenario.readyPodsAtCreation[index] ?? 0,
    })),
    ...scenario.updates.map((update) => ({ kind: 'update' as const, ...update })),
    ...scenario.samples.map(([t, value, at]) => ({ kind: 'sample' as const, t, value, at: at ?? t })),
    ...(scenario.poke ? [] : scenario.ticks.map((tick) => ({ kind: 'tick' as const, t: tick[0] }))),
    ...(scenario.poke ? regularTicks(scenario) : []),
  ];
  const order = ['creation', 'update', 'sample', 'tick'];
  events.sort((a, b) => toMs(a.t) - toMs(b.t) || order.indexOf(a.kind) - order.indexOf(b.kind));

  const differences: string[] = [];
  let { spec } = scenario;
  let autoscaler: Autoscaler | undefined;
  let next = 0;
  const tick = (t: number) => {
    const expected = scenario.ticks[next++];
    if (!autoscaler || !expected)
      return void differences.push(`${scenario.name} at ${t}: a tick that was not recorded`);
    const actual = autoscaler.tick(toMs(t), expected[1]);
    if (toMs(expected[0]) !== toMs(t) || !sameTick(expected, actual, spec.aggregation !== 'linear'))
      differences.push(
        `${scenario.name} at ${t}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`,
      );
  };
  for (const event of events) {
    const nowMs = toMs(event.t);
    if (event.kind === 'creation')
      autoscaler = createAutoscaler(toConfig(spec), {
        nowMs,
        readyReplicas: event.ready,
        reachable: spec.reachable,
      });
    else if (event.kind === 'update') {
      ({ spec } = event);
      autoscaler?.update(nowMs, { config: toConfig(spec), reachable: spec.reachable });
    } else if (event.kind === 'sample') {
      const concurrency = spec.scalingMetric === 'concurrency' ? event.value : 0;
      const requests = spec.scalingMetric === 'rps' ? event.value : 0;
      const poke = autoscaler?.record(toMs(event.at), {
        concurrency,
        requests,
        proxiedConcurrency: 0,
        proxiedRequests: 0,
      });
      if (poke && scenario.poke) tick(event.t);
    } else tick(event.t);
  }
  if (next !== scenario.ticks.length)
    differences.push(`${scenario.name}: ${next} ticks instead of ${scenario.ticks.length}`);
  return differences;
}

/** With pokes, only the ticks every two seconds are given; the pokes must come out of the replay. */
function regularTicks(scenario: Scenario) {
  const [first] = scenario.ticks;
  const start = toMs(first?.[0] ?? 0);
  return scenario.ticks
    .filter(([t]) => (toMs(t) - start) % 2000 === 0)
    .filter(([t], index, all) => all[index - 1]?.[0] !== t)
    .map(([t]) => ({ kind: 'tick' as const, t }));
}

function sameTick(
  expected: v.InferOutput<typeof Tick>,
  actual: ReturnType<Autoscaler['tick']>,
  weighted: boolean,
): boolean {
  const [, , valid, stable, panic, desired, burst, inPanic] = expected;
  if (actual.panicking !== (inPanic === 1)) return false;
  if (!valid || stable === null || panic === null) return actual.stableAverage === undefined;
  return (
    equalNumber(actual.stableAverage ?? NaN, stable, weighted) &&
    equalNumber(actual.panicAverage ?? NaN, panic, weighted) &&
    actual.desired === desired &&
    actual.excessBurstCapacity === burst
  );
}

/** What the decisions depend on, from the spec that Knative made of the input; the bounds are not seen by them. */
function toConfig(spec: Spec): AutoscalerConfig {
  return {
    metric: spec.scalingMetric,
    aggregation: spec.aggregation,
    target: spec.targetValue,
    total: spec.totalValue,
    stableWindowMs: lengthMs(spec.stableWindowS),
    panicWindowMs: lengthMs(spec.panicWindowS),
    panicThreshold: spec.panicThreshold,
    maxScaleUpRate: spec.maxScaleUpRate,
    maxScaleDownRate: spec.maxScaleDownRate,
    activationScale: spec.activationScale || 1,
    scaleDownDelayMs: lengthMs(spec.scaleDownDelayS),
    targetBurstCapacity: spec.targetBurstCapacity,
    initialScale: spec.initialScale,
    minScale: 0,
    maxScale: 0,
    activatorCapacity: 100,
    enableScaleToZero: true,
    gracePeriodMs: 30_000,
    retentionMs: 0,
    progressDeadlineMs: 600_000,
  };
}
