import type { Bounds } from './clamp.ts';

/** The Active condition of a revision: Knative's Unknown, True and False. */
export type ActivityState = 'Activating' | 'Active' | 'Inactive';

/** Why a revision is not active; empty when it is. */
export type ActivityReason = 'Queued' | 'NoTraffic' | 'TimedOut' | '';

/** Where a revision stands. `sinceMs` is when state or reason last changed; `initialized`: it had its initial scale once. */
export type Activity = {
  readonly state: ActivityState;
  readonly reason: ActivityReason;
  readonly sinceMs: number;
  readonly initialized: boolean;
};

/** The activity of a new revision, before anything was counted. */
export function startActivity(nowMs: number, bounds: Bounds, reachable: boolean): Activity {
  const idle = Math.max(reachable ? bounds.minScale : 0, bounds.initialScale) === 0;
  return {
    state: idle ? 'Inactive' : 'Activating',
    reason: idle ? 'NoTraffic' : 'Queued',
    sinceMs: nowMs,
    initialized: false,
  };
}

/** The activity after replicas were wanted (-1: unknown) and counted (knative/serving kpa.go, computeActiveCondition). */
export function nextActivity(
  activity: Activity,
  observed: { nowMs: number; wanted: number; readyReplicas: number; reachable: boolean },
  bounds: Bounds,
): Activity {
  const { nowMs, wanted, readyReplicas } = observed;
  const minScale = observed.reachable ? bounds.minScale : 0;
  const least = Math.max(minScale, activity.initialized ? 1 : bounds.initialScale);
  const initialized = activity.initialized || readyReplicas >= least;
  const become = (state: ActivityState, reason: ActivityReason): Activity =>
    activity.state === state && activity.reason === reason
      ? { ...activity, initialized }
      : { state, reason, sinceMs: nowMs, initialized };

  // An activating revision does not go to zero, unless it did not become ready in time. A least of 0: initial-scale 0.
  if (wanted === 0 || least === 0)
    return become('Inactive', activity.state === 'Activating' && least > 0 ? 'TimedOut' : 'NoTraffic');
  if (wanted < 0 && activity.state === 'Inactive')
    return readyReplicas < least ? become('Inactive', 'NoTraffic') : { ...activity, initialized };
  return readyReplicas < least ? become('Activating', 'Queued') : become('Active', '');
}
