import * as v from 'valibot';
import { decimal, duration, flag, oneOf, whole } from './setting.ts';

const HOUR_MS = 3_600_000;

const positive = decimal('a number of at least 0.01', (n) => n >= 0.01);
const rate = decimal('a number above 1', (n) => n > 1);
const burst = decimal('-1 (unlimited), 0 or a positive number', (n) => n >= 0 || n === -1);
const panicWindow = decimal('a percentage from 1 to 100', (n) => n >= 1 && n <= 100);
const panicThreshold = decimal('a percentage from 110 to 1000', (n) => n >= 110 && n <= 1000);
const window = duration('a duration from 6s to 1h', (ms) => ms >= 6000 && ms <= HOUR_MS, 'seconds');
const delay = duration('a duration from 0s to 1h', (ms) => ms >= 0 && ms <= HOUR_MS, 'seconds');
const retention = duration('a duration from 0s to 1h', (ms) => ms >= 0 && ms <= HOUR_MS);
const kpa = oneOf(
  ['kpa.autoscaling.knative.dev'],
  ', the only class without a cluster: HPA reads the metrics of Kubernetes',
);

/** The revision's annotations, named without `autoscaling.knative.dev/`. None has a default here: the cluster's value is it. */
export const Annotations = v.object({
  class: v.optional(kpa),
  metric: v.optional(
    oneOf(['concurrency', 'rps'], ' (cpu and memory need the HPA class, which needs a cluster)'),
  ),
  target: v.optional(positive),
  'target-utilization-percentage': v.optional(
    decimal('a percentage from 1 to 100', (n) => n >= 1 && n <= 100),
  ),
  'min-scale': v.optional(whole(0)),
  'max-scale': v.optional(whole(0)),
  'initial-scale': v.optional(whole(0)),
  'activation-scale': v.optional(whole(2)),
  'scale-down-delay': v.optional(delay),
  window: v.optional(window),
  'panic-window-percentage': v.optional(panicWindow),
  'panic-threshold-percentage': v.optional(panicThreshold),
  'target-burst-capacity': v.optional(burst),
  'scale-to-zero-pod-retention-period': v.optional(retention),
  'metric-aggregation-algorithm': v.optional(oneOf(['linear', 'weighted-exponential'])),
});

/** The older spelling of an annotation that Knative still reads. */
export const ALTERNATE_NAMES: ReadonlyMap<string, string> = new Map([
  ['minScale', 'min-scale'],
  ['maxScale', 'max-scale'],
  ['initialScale', 'initial-scale'],
  ['scaleDownDelay', 'scale-down-delay'],
  ['targetUtilizationPercentage', 'target-utilization-percentage'],
  ['panicWindowPercentage', 'panic-window-percentage'],
  ['panicThresholdPercentage', 'panic-threshold-percentage'],
  ['targetBurstCapacity', 'target-burst-capacity'],
  ['scaleToZeroPodRetentionPeriod', 'scale-to-zero-pod-retention-period'],
]);

/** The ConfigMap `config-autoscaler` with Knative's defaults (knative/serving pkg/autoscaler/config/config.go). */
export const ClusterConfig = v.object({
  'pod-autoscaler-class': v.optional(kpa, 'kpa.autoscaling.knative.dev'),
  'enable-scale-to-zero': v.optional(flag(), 'true'),
  'scale-to-zero-grace-period': v.optional(
    duration('a duration above 0s', (ms) => ms > 0),
    '30s',
  ),
  'scale-to-zero-pod-retention-period': v.optional(
    duration('a duration of at least 0s', (ms) => ms >= 0),
    '0s',
  ),
  'stable-window': v.optional(window, '60s'),
  'scale-down-delay': v.optional(
    duration('a duration of at least 0s', (ms) => ms >= 0, 'seconds'),
    '0s',
  ),
  'panic-window-percentage': v.optional(panicWindow, '10'),
  'panic-threshold-percentage': v.optional(panicThreshold, '200'),
  'max-scale-up-rate': v.optional(rate, '1000'),
  'max-scale-down-rate': v.optional(rate, '2'),
  'target-burst-capacity': v.optional(burst, '211'),
  'activator-capacity': v.optional(
    decimal('a number of at least 1', (n) => n >= 1),
    '100',
  ),
  'container-concurrency-target-default': v.optional(positive, '100'),
  'container-concurrency-target-percentage': v.optional(
    decimal('a percentage above 0, to 100', (n) => n > 0 && n <= 100),
    '70',
  ),
  'requests-per-second-target-default': v.optional(positive, '200'),
  'allow-zero-initial-scale': v.optional(flag(), 'false'),
  'initial-scale': v.optional(whole(0), '1'),
  'min-scale': v.optional(whole(0), '0'),
  'max-scale': v.optional(whole(0), '0'),
  'max-scale-limit': v.optional(whole(0), '0'),
});
