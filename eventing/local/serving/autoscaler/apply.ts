import { clamp } from './clamp.ts';
import type { Bounds } from './clamp.ts';
import { toZero } from './to-zero.ts';
import type { Mode, Revision, ToZero, ToZeroConfig } from './to-zero.ts';

/** The settings that turn a decision into replicas. */
export type ApplyConfig = Bounds & ToZeroConfig & { total: number; activatorCapacity: number };

/** Applies bounds and to-zero rules to a decision (-1: none yet): replicas wanted, and whether to write them (knative/serving scaler.go, scale). */
export function applyBounds(desired: number, revision: Revision, config: ApplyConfig): ToZero {
  const { reachable, activity } = revision;
  if (desired < 0 && activity.state !== 'Activating') return { wanted: desired, write: false, probe: 'none' };
  const wanted = clamp(desired, config, { reachable, initialized: activity.initialized });
  return wanted === 0 ? toZero(revision, config) : { wanted, write: true, probe: 'none' };
}

/** The activator leaves the path only when replicas are wanted, and the ready ones could take the burst. */
export function modeOf(wanted: number, excessBurstCapacity: number): Mode {
  return wanted > 0 && excessBurstCapacity >= 0 ? 'Serve' : 'Proxy';
}

/** Activators that Knative would put in the path for the capacity of the ready replicas and the burst; at least 2. */
export function activatorCount(readyReplicas: number, config: ApplyConfig): number {
  if (config.targetBurstCapacity === 0) return 2;
  const capacity = readyReplicas * config.total + Math.max(0, config.targetBurstCapacity);
  return Math.max(2, Math.ceil(capacity / config.activatorCapacity));
}
