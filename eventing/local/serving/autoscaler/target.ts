import type { MetricName } from './metric.ts';

/** Knative never aims below this. */
const LEAST_TARGET = 0.01;

/** The settings for a replica's load: annotations if set, the cluster's defaults, the hard limit (0: none). */
export type TargetSettings = {
  metric: MetricName;
  containerConcurrency: number;
  target: number | undefined;
  utilization: number | undefined;
  concurrencyTarget: number;
  concurrencyUtilization: number;
  rpsTarget: number;
};

/** The cluster's percentage is for concurrency only; rps has this built in. */
const RPS_UTILIZATION = 0.7;

/** Load of a replica: `total` that it can take, and the utilized part `target` to aim at (knative/serving target.go). */
export function resolveTarget(settings: TargetSettings): { target: number; total: number } {
  const concurrency = settings.metric === 'concurrency';
  const limit = settings.containerConcurrency;
  const usual = concurrency ? limit || settings.concurrencyTarget : settings.rpsTarget;
  const total = settings.target ?? usual;
  const utilization =
    settings.utilization ?? (concurrency ? settings.concurrencyUtilization : RPS_UTILIZATION);
  return { target: Math.max(LEAST_TARGET, total * utilization), total };
}
