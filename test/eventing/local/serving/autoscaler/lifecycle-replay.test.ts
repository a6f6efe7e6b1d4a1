import * as v from 'valibot';
import { expect, test } from 'vitest';
import { startActivity } from '../../../../../eventing/local/serving/autoscaler/activity.ts';
import { createAutoscaler } from '../../../../../eventing/local/serving/autoscaler/autoscaler.ts';
import type { Autoscaler } from '../../../../../eventing/local/serving/autoscaler/autoscaler.ts';
import { parseAutoscalerConfig } from '../../../../../eventing/local/serving/autoscaler/config.ts';
import { readTraces, toMs } from './wire.ts';

const Run = v.object({
  name: v.string(),
  annotations: v.record(v.string(), v.string()),
  configAutoscaler: v.record(v.string(), v.string()),
  reachability: v.string(),
  unreachableAt: v.nullable(v.number()),
  progressDeadlineS: v.number(),
  startDelayS: v.number(),
  neverReady: v.boolean(),
  initialReplicas: v.number(),
  samples: v.array(v.strictTuple([v.number(), v.number()])),
  ticks: v.array(v.array(v.nullable(v.number()))),
  reconciles: v.array(v.array(v.unknown())),
});
type Run = v.InferOutput<typeof Run>;
type Row = readonly unknown[];

const States = { Active: 'True', Inactive: 'False', Activating: 'Unknown' } as const;
const Probes = { none: '', answered: '+', unanswered: '-a' } as const;
const FIRST_RECONCILE_S = 0.1;

test('the autoscaler in a simulated cluster makes every recorded tick and reconcile, and no other', () => {
  const { lifecycles } = readTraces('lifecycle-traces.json', v.object({ lifecycles: v.array(Run) }));
  const differences: string[] = [];
  let [ticks, reconciles] = [0, 0];
  for (const run of lifecycles) {
    const made = simulate(run);
    differences.push(...differ(`${run.name} tick`, run.ticks, made.ticks));
    differences.push(...differ(`${run.name} reconcile`, run.reconciles, made.reconciles));
    ticks += run.ticks.length;
    reconciles += run.reconciles.length;
  }
  expect(differences).toEqual([]);
  expect(reconciles).toBeGreaterThan(lifecycles.length);
  console.log(
    `lifecycle traces: ${lifecycles.length} runs, ${ticks} ticks and ${reconciles} reconciles made, all equal`,
  );
});

/** The first difference of a run: what follows it differs for that reason. */
function differ(what: string, expected: readonly Row[], actual: readonly Row[]): string[] {
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const [want, got] = [JSON.stringify(expected[index]), JSON.stringify(actual[index])];
    if (want !== got) return [`${what} ${index}: ${got} instead of ${want}`];
  }
  return [];
}

/** Replicas become ready some time after they are asked for and vanish at once, the newest first. */
function createReplicas(run: Run) {
  let readyAt: number[] = [];
  const resize = (nowMs: number, count: number) => {
    const ready = run.neverReady ? Infinity : nowMs + Math.round(run.startDelayS * 1000);
    while (readyAt.length < count) readyAt.push(ready);
    readyAt = readyAt.slice(0, count);
  };
  resize(toMs(0), run.initialReplicas);
  return {
    resize,
    asked: () => readyAt.length,
    ready: (nowMs: number) => readyAt.filter((ms) => ms <= nowMs).length,
  };
}

/** The cluster of kpa-README.md: everything but ticks happens on a grid of 0.25 s, reconciles last. */
function simulate(run: Run): { ticks: Row[]; reconciles: Row[] } {
  const config = {
    ...parseAutoscalerConfig({ ...run, containerConcurrency: 0 }),
    progressDeadlineMs: run.progressDeadlineS * 1000,
  };
  const replicas = createReplicas(run);
  const ticks: Row[] = [];
  const reconciles: Row[] = [];
  const requested: number[] = [];
  const startMs = toMs(FIRST_RECONCILE_S);
  let autoscaler: Autoscaler | undefined;
  let due = false;
  let seenReady = 0;

  const tick = (nowMs: number) => {
    if (!autoscaler) return;
    const ready = replicas.ready(nowMs);
    const { stableAverage, panicAverage, desired, excessBurstCapacity, panicking, changed } = autoscaler.tick(
      nowMs,
      ready,
    );
    const valid = stableAverage !== undefined;
    const decided = valid
      ? [stableAverage, panicAverage, desired, excessBurstCapacity]
      : [null, null, null, null];
    ticks.push([seconds(nowMs), ready, Number(valid), ...decided, Number(panicking)]);
    due ||= changed;
  };

  const reconcile = (nowMs: number) => {
    if (!autoscaler) return;
    const { desired, excessBurstCapacity } = autoscaler.status();
    const ready = replicas.ready(nowMs);
    const applied = autoscaler.apply({ nowMs, readyReplicas: ready, replicas: replicas.asked() });
    const { activity, againMs } = applied;
    if (applied.replicas !== undefined) replicas.resize(nowMs, applied.replicas);
    if (againMs !== undefined) requested.push(nowMs + againMs);
    reconciles.push([
      seconds(nowMs),
      desired,
      excessBurstCapacity,
      ready,
      applied.wanted,
      applied.replicas ?? null,
      applied.mode,
      applied.activators,
      States[activity.state],
      activity.reason,
      (nowMs - activity.sinceMs) / 1000,
      Number(activity.initialized),
      againMs === undefined ? [] : [againMs / 1000],
      Probes[applied.probe],
    ]);
    due = applied.pathChanged || replicas.ready(nowMs) !== ready;
    seenReady = replicas.ready(nowMs);
  };

  const grid = (nowMs: number) => {
    if (run.unreachableAt !== null && nowMs === toMs(run.unreachableAt)) {
      autoscaler?.update(nowMs, { reachable: false });
      due = true;
    }
    for (const [t, concurrency] of run.samples)
      if (toMs(t) === nowMs) {
        const stat = { concurrency, proxiedConcurrency: 0, requests: 0, proxiedRequests: 0 };
        if (autoscaler?.record(nowMs, stat)) tick(nowMs);
      }
    if (replicas.ready(nowMs) !== seenReady) due = true;
    seenReady = replicas.ready(nowMs);
    for (let index = requested.length - 1; index >= 0; index--)
      if ((requested[index] ?? Infinity) <= nowMs) {
        requested.splice(index, 1);
        due = true;
      }
    while (due) reconcile(nowMs);
  };

  const endMs = toMs(Math.max(Number(run.ticks.at(-1)?.[0]), Number(run.reconciles.at(-1)?.[0])));
  for (let nowMs = toMs(0); nowMs <= endMs; nowMs += 50) {
    if (nowMs === startMs) {
      const reachable = run.reachability !== 'Unreachable';
      autoscaler = createAutoscaler(config, { nowMs, readyReplicas: 0, reachable });
      // The first reconcile of Knative finds no autoscaler yet and only makes the network.
      const { state, reason } = startActivity(nowMs, config, reachable);
      reconciles.push([
        FIRST_RECONCILE_S,
        null,
        null,
        0,
        -1,
        null,
        'Proxy',
        2,
        States[state],
        reason,
        0,
        0,
        [],
        '',
      ]);
      reconcile(nowMs);
    } else if (nowMs > startMs && (nowMs - startMs) % 2000 === 0) tick(nowMs);
    if (autoscaler && nowMs % 250 === 0) grid(nowMs);
  }
  return { ticks, reconciles };
}

function seconds(nowMs: number): number {
  return (nowMs - toMs(0)) / 1000;
}
