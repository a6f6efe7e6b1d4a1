import type { Activity } from './activity.ts';

/** The settings that going to zero depends on. */
export type ToZeroConfig = {
  enableScaleToZero: boolean;
  stableWindowMs: number;
  gracePeriodMs: number;
  /** Least time that the last replica stays after the revision became inactive. */
  retentionMs: number;
  progressDeadlineMs: number;
  targetBurstCapacity: number;
};

/** Where the activator is: in the path for `inPathMs`, 0 when it is not; `answers`: a probe through the path reaches it. */
export type Path = { mode: Mode; inPathMs: number; answers: boolean };

/** Where a revision stands; `reachable`: whether any route leads to it. */
export type Revision = { nowMs: number; reachable: boolean; activity: Activity; path: Path };

/** Serve: requests go straight to the replicas. Proxy: through the activator. */
export type Mode = 'Serve' | 'Proxy';

/**
 * What to do about zero. `wanted` -1: unknown. `write`: apply `wanted` to the replicas. `againMs`: ask again after this time. `probe`: whether
 * the activator was asked, and answered.
 */
export type ToZero = {
  wanted: number;
  write: boolean;
  againMs?: number;
  probe: 'none' | 'answered' | 'unanswered';
};

/** Knative gives the revision time to report why it does not start before its replicas go. */
const ACTIVATION_BUFFER_MS = 30_000;
/** Long enough to see the change of the activity. Nothing else would ask again: the activator is already in the path. */
const DEACTIVATED_AGAIN_MS = 3000;

/** How a wish for zero replicas is granted (knative/serving scaler.go, handleScaleToZero). */
export function toZero(revision: Revision, config: ToZeroConfig): ToZero {
  const { nowMs, activity, path } = revision;
  if (!config.enableScaleToZero) return { wanted: 1, write: true, probe: 'none' };
  const forMs = nowMs - activity.sinceMs;
  if (activity.state === 'Activating') {
    const timeoutMs = config.progressDeadlineMs + ACTIVATION_BUFFER_MS;
    if (forMs > timeoutMs) return { wanted: 0, write: true, probe: 'none' };
    return { wanted: -1, write: false, againMs: timeoutMs, probe: 'none' };
  }
  if (activity.state === 'Active') {
    const leftMs = config.stableWindowMs - forMs;
    if (leftMs > 0) return { wanted: 1, write: true, againMs: leftMs, probe: 'none' };
    const again = path.mode === 'Proxy' ? { againMs: DEACTIVATED_AGAIN_MS } : {};
    return { wanted: 0, write: false, ...again, probe: 'none' };
  }
  // The retention does not hold for a revision that no route reaches.
  return lastReplica(forMs, revision.reachable ? config.retentionMs : 0, path, config);
}

/** The last replica of an inactive revision goes once the activator has been in the path long enough to catch every request. */
function lastReplica(inactiveMs: number, retentionMs: number, path: Path, config: ToZeroConfig): ToZero {
  // With -1 the activator is always in the path and is not asked.
  const always = config.targetBurstCapacity === -1;
  if (!always && !path.answers) return { wanted: 0, write: false, probe: 'unanswered' };
  const probe = always ? 'none' : 'answered';
  if (inactiveMs >= Math.max(config.gracePeriodMs, retentionMs)) return { wanted: 0, write: true, probe };
  if (inactiveMs < retentionMs) return { wanted: 0, write: false, againMs: retentionMs - inactiveMs, probe };
  const leftMs = config.gracePeriodMs - path.inPathMs;
  if (leftMs <= 0) return { wanted: 0, write: true, probe };
  return { wanted: 0, write: false, againMs: leftMs, probe };
}
