import { createMaxWindow, peakOf, recordPeak } from './max-window.ts';
import type { MaxWindow } from './max-window.ts';
import type { Averages } from './metric.ts';

/** Knative decides every two seconds; the scale-down delay counts in slots of this length. */
export const TICK_MS = 2000;

/** The settings that a decision depends on. */
export type DecideConfig = {
  /** The load per replica to aim at, utilization applied. */
  target: number;
  /** The load that a replica can take, utilization not applied. */
  total: number;
  stableWindowMs: number;
  /** A panic begins at this ratio of replicas that the panic window wants to ready ones (2 is 200 %). */
  panicThreshold: number;
  maxScaleUpRate: number;
  maxScaleDownRate: number;
  /** Least replicas while there is load; 0 or 1 is off. */
  activationScale: number;
  /** -1: the activator always stays in the path; 0: only at zero replicas. */
  targetBurstCapacity: number;
};

/** What the autoscaler remembers between decisions. */
export type DecideState = {
  /** Time of the last tick over the panic threshold; undefined outside a panic. */
  readonly panicMs: number | undefined;
  readonly maxPanicReplicas: number;
  readonly delay: MaxWindow | undefined;
};

/** A decision: replicas wanted, and how many more simultaneous requests the ready ones could take before the activator is needed. */
export type Decision = { desired: number; excessBurstCapacity: number };

/**
 * State of a new autoscaler. With more than one replica ready it starts in panic: so it holds them until it knows the load. The scale-down delay
 * is fixed here: Knative does not change it for a running autoscaler.
 */
export function startDeciding(nowMs: number, readyReplicas: number, scaleDownDelayMs: number): DecideState {
  return {
    panicMs: readyReplicas > 1 ? nowMs : undefined,
    maxPanicReplicas: readyReplicas,
    delay: scaleDownDelayMs > 0 ? createMaxWindow(scaleDownDelayMs, TICK_MS) : undefined,
  };
}

/** One decision on the averages of a tick (knative/serving pkg/autoscaler/scaling/autoscaler.go, Scale). */
export function decide(
  state: DecideState,
  config: DecideConfig,
  load: Averages,
  observed: { nowMs: number; readyReplicas: number; reachable: boolean },
): { state: DecideState; decision: Decision } {
  const ready = Math.max(1, observed.readyReplicas);
  const stable = withinRates(load.stable / config.target, ready, config, observed.reachable);
  const panic = withinRates(load.panic / config.target, ready, config, observed.reachable);
  const over = Math.ceil(load.panic / config.target) / ready >= config.panicThreshold;
  const { panicMs, maxPanicReplicas } = nextPanic(state, over, observed.nowMs, config.stableWindowMs);

  const panicking = panicMs !== undefined;
  let desired = panicking ? Math.max(stable, panic, maxPanicReplicas) : stable;
  const nextState = { panicMs, maxPanicReplicas: panicking ? desired : maxPanicReplicas, delay: state.delay };
  if (observed.reachable && state.delay) {
    nextState.delay = recordPeak(state.delay, observed.nowMs, desired);
    desired = peakOf(nextState.delay);
  }
  const excessBurstCapacity = excess(config, observed.readyReplicas, load.panic);
  return { state: nextState, decision: { desired, excessBurstCapacity } };
}

/** Replicas for a load, within what the rates allow from the ready ones. One step up or down is always allowed. */
function withinRates(replicas: number, ready: number, config: DecideConfig, reachable: boolean): number {
  const wanted = Math.ceil(replicas);
  const most = Math.ceil(config.maxScaleUpRate * ready);
  // A revision that no route reaches may go at once.
  const least = reachable ? Math.floor(ready / config.maxScaleDownRate) : 0;
  const allowed = Math.min(Math.max(wanted, least), most);
  // The activation scale overrides the up-rate too.
  return wanted > 0 && config.activationScale > 1 ? Math.max(allowed, config.activationScale) : allowed;
}

/** A panic starts or goes on at the threshold. It ends when the last tick over it is more than a stable window ago. */
function nextPanic(state: DecideState, over: boolean, nowMs: number, stableWindowMs: number) {
  if (over) return { panicMs: nowMs, maxPanicReplicas: state.maxPanicReplicas };
  if (state.panicMs !== undefined && state.panicMs + stableWindowMs < nowMs)
    return { panicMs: undefined, maxPanicReplicas: 0 };
  return { panicMs: state.panicMs, maxPanicReplicas: state.maxPanicReplicas };
}

/** Counts the replicas that are really ready (0 stays 0); the decision does not. */
function excess(config: DecideConfig, readyReplicas: number, panicAverage: number): number {
  if (config.targetBurstCapacity <= 0) return config.targetBurstCapacity;
  return Math.floor(readyReplicas * config.total - config.targetBurstCapacity - panicAverage);
}
