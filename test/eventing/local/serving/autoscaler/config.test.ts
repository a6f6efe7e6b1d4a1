import { describe, expect, test } from 'vitest';
import { parseAutoscalerConfig } from '../../../../../eventing/local/serving/autoscaler/config.ts';
import { AutoscalerConfigError } from '../../../../../eventing/local/serving/autoscaler/fault.ts';
import { parseGoDuration } from '../../../../../eventing/local/serving/autoscaler/go-duration.ts';

type Given = {
  annotations?: Record<string, unknown>;
  cluster?: Record<string, unknown>;
  containerConcurrency?: number;
};

const parse = ({ annotations = {}, cluster = {}, containerConcurrency = 0 }: Given) =>
  parseAutoscalerConfig({
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`autoscaling.knative.dev/${name}`, value]),
    ),
    configAutoscaler: cluster,
    containerConcurrency,
  });

function faultsOf(given: Given) {
  try {
    parse(given);
  } catch (error) {
    if (error instanceof AutoscalerConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('one setting is refused, naming key, value and valid range', () => {
  const refusals: [Given, string, string, string][] = [
    [
      { annotations: { 'min-scael': '1' } },
      'autoscaling.knative.dev/min-scael',
      '"1"',
      'known are class, metric',
    ],
    [
      { annotations: { class: 'hpa.autoscaling.knative.dev' } },
      'autoscaling.knative.dev/class',
      '"hpa',
      'kpa.autoscaling.knative.dev',
    ],
    [{ annotations: { metric: 'cpu' } }, 'autoscaling.knative.dev/metric', '"cpu"', 'concurrency or rps'],
    [{ annotations: { target: '0' } }, 'autoscaling.knative.dev/target', '"0"', 'at least 0.01'],
    [{ annotations: { target: 'NaN' } }, 'autoscaling.knative.dev/target', '"NaN"', 'at least 0.01'],
    [{ annotations: { target: 10 } }, 'autoscaling.knative.dev/target', '10', 'as a string'],
    [
      { annotations: { 'target-utilization-percentage': '0.7' } },
      'autoscaling.knative.dev/target-utilization-percentage',
      '"0.7"',
      '1 to 100',
    ],
    [{ annotations: { 'min-scale': '-1' } }, 'autoscaling.knative.dev/min-scale', '"-1"', 'from 0'],
    [{ annotations: { 'max-scale': '1.5' } }, 'autoscaling.knative.dev/max-scale', '"1.5"', 'a whole number'],
    [
      { annotations: { 'max-scale': '2147483648' } },
      'autoscaling.knative.dev/max-scale',
      '"2147483648"',
      'to 2147483647',
    ],
    [{ annotations: { 'initial-scale': '0' } }, 'autoscaling.knative.dev/initial-scale', '0', 'at least 1'],
    [
      { annotations: { 'activation-scale': '1' } },
      'autoscaling.knative.dev/activation-scale',
      '"1"',
      'from 2',
    ],
    [
      { annotations: { 'scale-down-delay': '2h' } },
      'autoscaling.knative.dev/scale-down-delay',
      '"2h"',
      '0s to 1h',
    ],
    [
      { annotations: { 'scale-down-delay': '1500ms' } },
      'autoscaling.knative.dev/scale-down-delay',
      '"1500ms"',
      'whole seconds',
    ],
    [{ annotations: { window: '5s' } }, 'autoscaling.knative.dev/window', '"5s"', '6s to 1h'],
    [{ annotations: { window: '60' } }, 'autoscaling.knative.dev/window', '"60"', '6s to 1h'],
    [
      { annotations: { 'panic-window-percentage': '101' } },
      'autoscaling.knative.dev/panic-window-percentage',
      '"101"',
      '1 to 100',
    ],
    [
      { annotations: { 'panic-threshold-percentage': '109' } },
      'autoscaling.knative.dev/panic-threshold-percentage',
      '"109"',
      '110 to 1000',
    ],
    [
      { annotations: { 'target-burst-capacity': '-2' } },
      'autoscaling.knative.dev/target-burst-capacity',
      '"-2"',
      '-1 (unlimited), 0',
    ],
    [
      { annotations: { 'scale-to-zero-pod-retention-period': '-1s' } },
      'autoscaling.knative.dev/scale-to-zero-pod-retention-period',
      '"-1s"',
      '0s to 1h',
    ],
    [
      { annotations: { 'metric-aggregation-algorithm': 'mean' } },
      'autoscaling.knative.dev/metric-aggregation-algorithm',
      '"mean"',
      'linear or weighted-exponential',
    ],
    [{ cluster: { 'stable-windows': '60s' } }, 'config-autoscaler stable-windows', '"60s"', 'known are'],
    [{ cluster: { 'max-scale-up-rate': '1' } }, 'config-autoscaler max-scale-up-rate', '"1"', 'above 1'],
    [
      { cluster: { 'max-scale-down-rate': '0.5' } },
      'config-autoscaler max-scale-down-rate',
      '"0.5"',
      'above 1',
    ],
    [
      { cluster: { 'scale-to-zero-grace-period': '0s' } },
      'config-autoscaler scale-to-zero-grace-period',
      '"0s"',
      'above 0s',
    ],
    [
      { cluster: { 'enable-scale-to-zero': 'no' } },
      'config-autoscaler enable-scale-to-zero',
      '"no"',
      'true or false',
    ],
    [{ cluster: { 'activator-capacity': '0' } }, 'config-autoscaler activator-capacity', '"0"', 'at least 1'],
    [
      { cluster: { 'initial-scale': '0' } },
      'config-autoscaler initial-scale',
      '0',
      'allow-zero-initial-scale',
    ],
  ];
  test.each(refusals)('%j', (given, key, value, range) => {
    const faults = faultsOf(given);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.key).toBe(key);
    expect(faults[0]?.message).toContain(`${key}: ${value}`);
    expect(faults[0]?.message).toContain(range);
  });
});

describe('settings that contradict each other are refused', () => {
  const contradictions: [string, Given, string, string][] = [
    [
      'min above max',
      { annotations: { 'min-scale': '3', 'max-scale': '2' } },
      'min-scale',
      'above max-scale, which is 2',
    ],
    [
      'target above the hard limit',
      { annotations: { target: '20' }, containerConcurrency: 5 },
      'target',
      'containerConcurrency is 5; use 0.01 to 5',
    ],
    [
      'activation below min',
      { annotations: { 'min-scale': '4', 'activation-scale': '3' } },
      'activation-scale',
      'at least 4',
    ],
    [
      'activation above max',
      { annotations: { 'max-scale': '4', 'activation-scale': '5' } },
      'activation-scale',
      'use 2 to 4',
    ],
    [
      'max above the limit',
      { annotations: { 'max-scale': '9' }, cluster: { 'max-scale-limit': '8' } },
      'max-scale',
      'use 1 to 8',
    ],
    [
      'given twice',
      { annotations: { 'min-scale': '1', minScale: '2' } },
      'minScale',
      'min-scale sets the same',
    ],
  ];
  test.each(contradictions)('%s', (_, given, name, why) => {
    const faults = faultsOf(given);
    expect(faults.map((fault) => fault.key)).toEqual([`autoscaling.knative.dev/${name}`]);
    expect(faults[0]?.message).toContain(why);
  });

  test('every fault is named at once, under the key that was given', () => {
    const faults = faultsOf({ annotations: { minScale: 'a', target: '0', foo: 'b' }, cluster: { bar: 'c' } });
    expect(faults.map((fault) => fault.key).sort()).toEqual([
      'autoscaling.knative.dev/foo',
      'autoscaling.knative.dev/minScale',
      'autoscaling.knative.dev/target',
      'config-autoscaler bar',
    ]);
  });
});

test("nothing set gives Knative's defaults", () => {
  expect(parse({})).toEqual({
    metric: 'concurrency',
    aggregation: 'linear',
    target: 70,
    total: 100,
    stableWindowMs: 60_000,
    panicWindowMs: 6000,
    panicThreshold: 2,
    maxScaleUpRate: 1000,
    maxScaleDownRate: 2,
    activationScale: 1,
    scaleDownDelayMs: 0,
    targetBurstCapacity: 211,
    activatorCapacity: 100,
    minScale: 0,
    maxScale: 0,
    initialScale: 1,
    enableScaleToZero: true,
    gracePeriodMs: 30_000,
    retentionMs: 0,
    progressDeadlineMs: 600_000,
  });
});

test('annotations win over the cluster, the older names are read, others are not looked at', () => {
  const config = parseAutoscalerConfig({
    annotations: {
      'autoscaling.knative.dev/maxScale': '4',
      'autoscaling.knative.dev/window': '1m30s',
      'example.com/owner': 'us',
    },
    configAutoscaler: { 'max-scale': '9', 'stable-window': '30s', 'min-scale': '1', _example: 'text' },
    containerConcurrency: 2,
  });
  expect(config).toMatchObject({
    minScale: 1,
    maxScale: 4,
    stableWindowMs: 90_000,
    panicWindowMs: 9000,
    target: 1.4,
    total: 2,
  });
});

test.each([
  ['2.5', '100s', 3],
  ['14.5', '100s', 15],
  ['17.5', '180s', 32],
  ['1', '6s', 1],
])('a panic window of %s %% of %s is %i s: halves round up', (percentage, window, seconds) => {
  const { panicWindowMs } = parse({ annotations: { 'panic-window-percentage': percentage, window } });
  expect(panicWindowMs).toBe(seconds * 1000);
});

test('the hard limit does not bound a target in requests per second', () => {
  const config = parse({ annotations: { metric: 'rps', target: '20' }, containerConcurrency: 5 });
  expect(config).toMatchObject({ metric: 'rps', target: 14, total: 20 });
});

test("the cluster's target percentage is for concurrency only", () => {
  const cluster = { 'container-concurrency-target-percentage': '50' };
  expect(parse({ cluster })).toMatchObject({ target: 50, total: 100 });
  expect(parse({ cluster, annotations: { metric: 'rps' } })).toMatchObject({ target: 140, total: 200 });
  expect(parse({ cluster: { 'container-concurrency-target-percentage': '0.5' } })).toMatchObject({
    target: 50,
  });
});

test('Go durations', () => {
  const table = {
    '0': 0,
    '30s': 30_000,
    '1m30s': 90_000,
    '1.5h': 5_400_000,
    '.5s': 500,
    '-1s': -1000,
    '250ms': 250,
  };
  for (const [text, ms] of Object.entries(table)) expect(parseGoDuration(text), text).toBe(ms);
  for (const text of ['', '30', 's', '1d', '1s ', '1s-', '1.2.3s', 'Infinitys'])
    expect(parseGoDuration(text), text).toBeUndefined();
});
