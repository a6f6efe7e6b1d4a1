import { nextActivity, startActivity } from './activity.ts';
import type { Activity } from './activity.ts';
import { activatorCount, applyBounds, modeOf } from './apply.ts';
import type { AutoscalerConfig } from './config.ts';
import { decide, startDeciding } from './decide.ts';
import { averages, createMetric, recordStat, resizeMetric } from './metric.ts';
import type { Stat } from './metric.ts';
import type { Mode, ToZero } from './to-zero.ts';

/** The last decision. Averages are undefined without data; the decision then is the one before. */
export type Tick = {
  /** Replicas wanted by load alone, before bounds and to-zero rules; -1 before the first valid decision. */
  desired: number;
  stableAverage: number | undefined;
  panicAverage: number | undefined;
  panicking: boolean;
  /** Below 0: the ready replicas could not take the burst, so the activator is needed. */
  excessBurstCapacity: number;
  /** Whether `apply` is due: `desired` or the sign of `excessBurstCapacity` changed. */
  changed: boolean;
};

/** What to do now. */
export type Applied = {
  /** How many replicas there shall be; undefined: leave them as they are. */
  replicas: number | undefined;
  /** Replicas wanted, as Knative shows them in a status: the last known number, -1 before there is one. */
  wanted: number;
  /** Whether requests go through the activator (Proxy) or straight to replicas (Serve). */
  mode: Mode;
  /** Activators that Knative would put in the path. */
  activators: number;
  activity: Activity;
  /** Call `apply` again after this many ms, whatever happens meanwhile; undefined: only on a change. */
  againMs: number | undefined;
  /** The activator entered or left the path by this. Call `apply` again at once: a revision that turned inactive waits for it. */
  pathChanged: boolean;
  /** Whether the activator was asked if it is in the path, and answered. */
  probe: ToZero['probe'];
};

/** What the runtime sees at the moment. `replicas`: those asked for last, ready or not. */
export type Observed = { nowMs: number; readyReplicas: number; replicas: number };

/**
 * The autoscaler of one revision. It has no clock of its own: every `nowMs` is from one clock in ms that does not go back.
 *
 * The runtime calls
 * - `record` with each report (activator and replicas: once a second; activator: also at once, with concurrency 1, for the first
 *   request to a revision at zero). True is a poke: call `tick` and, if changed, `apply` at once;
 * - `tick` every TICK_MS; then `apply` if `changed`;
 * - `apply` also at creation, when the number of ready replicas or the reachability changed, `againMs` after any `apply` that asked for it, and at once after `pathChanged`;
 * - `update` when settings or reachability (whether any route reaches the revision) changed.
 */
export type Autoscaler = {
  /**
   * Adds a report; `atMs` may be a little in the past. Returns whether it is a poke: load while zero replicas are desired. While a replica is
   * ready, zeros are reported too: silence for longer than the window means no data and no decision.
   */
  record(atMs: number, stat: Stat): boolean;
  tick(nowMs: number, readyReplicas: number): Tick;
  apply(observed: Observed): Applied;
  update(nowMs: number, settings: { config?: AutoscalerConfig; reachable?: boolean }): void;
  /** The last tick, for showing. */
  status(): Tick;
};

/** An autoscaler without history. With more than one replica already ready it starts in panic and holds them for a stable window. */
export function createAutoscaler(
  given: AutoscalerConfig,
  start: { nowMs: number; readyReplicas: number; reachable: boolean },
): Autoscaler {
  let config = given;
  let { reachable } = start;
  const metric = createMetric(config.aggregation, config);
  let state = startDeciding(start.nowMs, start.readyReplicas, config.scaleDownDelayMs);
  let activity = startActivity(start.nowMs, config, reachable);
  let mode: Mode = 'Proxy';
  let lastWanted = -1;
  let inPathSinceMs: number | undefined = start.nowMs;
  let last: Tick = {
    desired: -1,
    stableAverage: undefined,
    panicAverage: undefined,
    panicking: state.panicMs !== undefined,
    excessBurstCapacity: firstBurstCapacity(config),
    changed: false,
  };

  // With no replica ready the activator is in the path whatever the mode.
  function watchPath(nowMs: number, readyReplicas: number): boolean {
    const was = inPathSinceMs !== undefined;
    const is = mode === 'Proxy' || readyReplicas === 0;
    if (is !== was) inPathSinceMs = is ? nowMs : undefined;
    return is !== was;
  }

  return {
    record(atMs, stat) {
      recordStat(metric, atMs, stat);
      return last.desired === 0 && stat.concurrency !== 0;
    },

    tick(nowMs, readyReplicas) {
      const load = averages(metric, config.metric, nowMs, config.targetBurstCapacity !== -1);
      if (!load)
        return (last = { ...last, stableAverage: undefined, panicAverage: undefined, changed: false });
      const { state: next, decision } = decide(state, config, load, { nowMs, readyReplicas, reachable });
      state = next;
      const changed =
        decision.desired !== last.desired ||
        decision.excessBurstCapacity < 0 !== last.excessBurstCapacity < 0;
      const panicking = state.panicMs !== undefined;
      last = { ...decision, stableAverage: load.stable, panicAverage: load.panic, panicking, changed };
      return last;
    },

    apply({ nowMs, readyReplicas, replicas }) {
      watchPath(nowMs, readyReplicas);
      const inPath = inPathSinceMs !== undefined;
      const path = { mode, inPathMs: nowMs - (inPathSinceMs ?? nowMs), answers: inPath };
      const { wanted, write, againMs, probe } = applyBounds(
        last.desired,
        { nowMs, reachable, activity, path },
        config,
      );
      if (wanted >= 0) lastWanted = wanted;
      mode = modeOf(wanted, last.excessBurstCapacity);
      const pathChanged = watchPath(nowMs, readyReplicas);
      activity = nextActivity(activity, { nowMs, wanted, readyReplicas, reachable }, config);
      return {
        replicas: write && wanted !== replicas ? wanted : undefined,
        wanted: lastWanted,
        mode,
        activators: activatorCount(readyReplicas, config),
        activity,
        againMs,
        pathChanged,
        probe,
      };
    },

    update(nowMs, settings) {
      if (settings.config) {
        config = settings.config;
        resizeMetric(metric, nowMs, config);
      }
      reachable = settings.reachable ?? reachable;
    },

    status: () => last,
  };
}

/** Excess burst capacity before the first decision, as if the initial scale were ready. */
function firstBurstCapacity(config: AutoscalerConfig): number {
  if (config.targetBurstCapacity <= 0) return config.targetBurstCapacity;
  return Math.trunc(config.initialScale * config.total - config.targetBurstCapacity);
}
