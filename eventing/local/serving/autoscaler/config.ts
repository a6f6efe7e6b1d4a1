import type * as v from 'valibot';
import type { ApplyConfig } from './apply.ts';
import type { Aggregation } from './buckets.ts';
import type { DecideConfig } from './decide.ts';
import { AutoscalerConfigError, refused } from './fault.ts';
import type { Fault } from './fault.ts';
import type { MetricName } from './metric.ts';
import { readAnnotations, readClusterConfig } from './read-settings.ts';
import type { Annotations, ClusterConfig } from './settings.ts';
import { resolveTarget } from './target.ts';

/** Knative's config-deployment default. */
const PROGRESS_DEADLINE_MS = 600_000;

/** All settings of the autoscaler of one revision; times in ms, ratios instead of percentages. */
export type AutoscalerConfig = DecideConfig &
  ApplyConfig & {
    metric: MetricName;
    aggregation: Aggregation;
    panicWindowMs: number;
    scaleDownDelayMs: number;
  };

/**
 * The config of a revision from its template's annotations, the cluster's `config-autoscaler` and containerConcurrency (0: no limit). Ignores
 * annotations of other prefixes. Throws AutoscalerConfigError naming every fault.
 */
export function parseAutoscalerConfig(given: {
  annotations: Readonly<Record<string, unknown>>;
  configAutoscaler: Readonly<Record<string, unknown>>;
  containerConcurrency: number;
}): AutoscalerConfig {
  const faults: Fault[] = [];
  const annotations = readAnnotations(given.annotations, faults);
  const cluster = readClusterConfig(given.configAutoscaler, faults);
  if (!annotations.output || !cluster.output) throw new AutoscalerConfigError(faults);

  const config = combine(annotations.output, cluster.output, given.containerConcurrency);
  const refuse = (name: string, value: unknown, why: string) => {
    const { keyOf } = annotations.given.has(name) ? annotations : cluster;
    faults.push(refused(keyOf(name), value, why));
  };
  refuseContradictions(config, annotations.output, cluster.output, given.containerConcurrency, refuse);
  if (faults.length > 0) throw new AutoscalerConfigError(faults);
  return config;
}

type Annotated = v.InferOutput<typeof Annotations>;
type Cluster = v.InferOutput<typeof ClusterConfig>;

function combine(annotations: Annotated, cluster: Cluster, containerConcurrency: number): AutoscalerConfig {
  const metric = annotations.metric ?? 'concurrency';
  const stableWindowMs = annotations.window ?? cluster['stable-window'];
  const panicPercentage = annotations['panic-window-percentage'] ?? cluster['panic-window-percentage'];
  const thresholdPercentage =
    annotations['panic-threshold-percentage'] ?? cluster['panic-threshold-percentage'];
  const percentage = cluster['container-concurrency-target-percentage'];
  const utilization = annotations['target-utilization-percentage'];
  return {
    metric,
    aggregation: annotations['metric-aggregation-algorithm'] ?? 'linear',
    ...resolveTarget({
      metric,
      containerConcurrency,
      target: annotations.target,
      utilization: utilization === undefined ? undefined : utilization / 100,
      concurrencyTarget: cluster['container-concurrency-target-default'],
      // Knative reads values up to 1 as a fraction.
      concurrencyUtilization: percentage > 1 ? percentage / 100 : percentage,
      rpsTarget: cluster['requests-per-second-target-default'],
    }),
    stableWindowMs,
    // Multiplied before it is divided, as in Knative: 14.5 % of 100 s are 14.5 s and round up, a hair less would round down.
    panicWindowMs: Math.max(1, Math.round((stableWindowMs * panicPercentage) / 100 / 1000)) * 1000,
    panicThreshold: thresholdPercentage / 100,
    maxScaleUpRate: cluster['max-scale-up-rate'],
    maxScaleDownRate: cluster['max-scale-down-rate'],
    activationScale: annotations['activation-scale'] ?? 1,
    scaleDownDelayMs: annotations['scale-down-delay'] ?? cluster['scale-down-delay'],
    targetBurstCapacity: annotations['target-burst-capacity'] ?? cluster['target-burst-capacity'],
    activatorCapacity: cluster['activator-capacity'],
    minScale: annotations['min-scale'] ?? cluster['min-scale'],
    maxScale: annotations['max-scale'] ?? cluster['max-scale'],
    initialScale: annotations['initial-scale'] ?? cluster['initial-scale'],
    enableScaleToZero: cluster['enable-scale-to-zero'],
    gracePeriodMs: cluster['scale-to-zero-grace-period'],
    retentionMs:
      annotations['scale-to-zero-pod-retention-period'] ?? cluster['scale-to-zero-pod-retention-period'],
    progressDeadlineMs: PROGRESS_DEADLINE_MS,
  };
}

/** Refuses values that are valid alone but not together. */
function refuseContradictions(
  config: AutoscalerConfig,
  annotations: Annotated,
  cluster: Cluster,
  containerConcurrency: number,
  refuse: (name: string, value: unknown, why: string) => void,
): void {
  const { minScale, maxScale, initialScale } = config;
  const activationScale = annotations['activation-scale'];
  const limit = cluster['max-scale-limit'];
  if (maxScale > 0 && minScale > maxScale)
    refuse('min-scale', minScale, `it is above max-scale, which is ${maxScale}; use 0 to ${maxScale}`);
  if (limit > 0 && (maxScale === 0 || maxScale > limit))
    refuse('max-scale', maxScale, `max-scale-limit of the cluster is ${limit}; use 1 to ${limit}`);
  if (initialScale === 0 && !cluster['allow-zero-initial-scale'])
    refuse('initial-scale', 0, 'the cluster has allow-zero-initial-scale false; use at least 1');
  if (activationScale !== undefined && activationScale < minScale)
    refuse('activation-scale', activationScale, `it is below min-scale; use at least ${minScale}`);
  if (activationScale !== undefined && maxScale > 0 && activationScale > maxScale)
    refuse('activation-scale', activationScale, `it is above max-scale; use 2 to ${maxScale}`);
  // Knative silently lowers the target to the limit: the number in the file would be a lie.
  const { target } = annotations;
  const limited = config.metric === 'concurrency' && containerConcurrency > 0;
  if (limited && target !== undefined && target > containerConcurrency)
    refuse(
      'target',
      target,
      `containerConcurrency is ${containerConcurrency}; use 0.01 to ${containerConcurrency}`,
    );
}
