/** The bounds of a revision. */
export type Bounds = {
  minScale: number;
  /** 0: no bound. */
  maxScale: number;
  /** Replicas that a new revision starts with; it must have them once before it may have fewer. */
  initialScale: number;
};

/**
 * Replicas within the bounds. Below the minimum the maximum does not count, so an initial scale may exceed it. The minimum does not hold for a
 * revision that no route reaches.
 */
export function clamp(
  desired: number,
  bounds: Bounds,
  revision: { reachable: boolean; initialized: boolean },
): number {
  let least = revision.reachable ? bounds.minScale : 0;
  if (revision.reachable && !revision.initialized && bounds.initialScale > 1)
    least = Math.max(least, bounds.initialScale);
  if (desired < least) return least;
  return bounds.maxScale > 0 ? Math.min(desired, bounds.maxScale) : desired;
}
