import { describe, expect, test } from 'vitest';
import { createAutoscaler } from '../../../../../eventing/local/serving/autoscaler/autoscaler.ts';
import { clamp } from '../../../../../eventing/local/serving/autoscaler/clamp.ts';
import { parseAutoscalerConfig } from '../../../../../eventing/local/serving/autoscaler/config.ts';
import { decide, startDeciding } from '../../../../../eventing/local/serving/autoscaler/decide.ts';

const config = (annotations: Record<string, string>, containerConcurrency = 0) =>
  parseAutoscalerConfig({
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`autoscaling.knative.dev/${name}`, value]),
    ),
    configAutoscaler: {},
    containerConcurrency,
  });

const START_MS = 1_000_000_000_300;
const stat = (concurrency: number, proxiedConcurrency = 0) => ({
  concurrency,
  proxiedConcurrency,
  requests: 0,
  proxiedRequests: 0,
});

function create(annotations: Record<string, string>, readyReplicas = 0, nowMs = START_MS) {
  return createAutoscaler(config(annotations), { nowMs, readyReplicas, reachable: true });
}

describe('without data', () => {
  test('nothing is decided, and the last decision stands', () => {
    const autoscaler = create({ window: '6s' });
    expect(autoscaler.tick(START_MS + 2000, 0)).toMatchObject({
      desired: -1,
      stableAverage: undefined,
      changed: false,
    });
    autoscaler.record(START_MS + 3000, stat(140));
    expect(autoscaler.tick(START_MS + 4000, 0)).toMatchObject({
      desired: 2,
      stableAverage: 140,
      changed: true,
    });
    expect(autoscaler.tick(START_MS + 30_000, 2)).toMatchObject({
      desired: 2,
      stableAverage: undefined,
      changed: false,
    });
  });

  test('a poke needs a decision for zero and a load', () => {
    const autoscaler = create({});
    expect(autoscaler.record(START_MS, stat(1))).toBe(false);
    const idle = create({});
    idle.record(START_MS + 1000, stat(0));
    idle.tick(START_MS + 2000, 0);
    expect(idle.record(START_MS + 2100, stat(0))).toBe(false);
    expect(idle.record(START_MS + 2200, stat(1))).toBe(true);
    expect(idle.tick(START_MS + 2200, 0)).toMatchObject({ desired: 1, changed: true });
    expect(idle.record(START_MS + 2300, stat(1))).toBe(false);
  });
});

test('an average is rounded to 6 digits, half away from zero', () => {
  const autoscaler = create({ window: '6s' });
  autoscaler.record(START_MS, stat(0, 5e-7));
  expect(autoscaler.tick(START_MS, 0).stableAverage).toBe(-1e-6);
});

test('the scale-down delay counts in slots of two seconds: 3 s are the present slot and the one before', () => {
  const settings = config({ target: '1', 'panic-threshold-percentage': '1000', 'scale-down-delay': '3s' });
  let state = startDeciding(0, 1, settings.scaleDownDelayMs);
  const at = (nowMs: number, load: number) => {
    const observed = { nowMs, readyReplicas: 1, reachable: true };
    const next = decide(state, settings, { stable: load, panic: load }, observed);
    state = next.state;
    return next.decision.desired;
  };
  expect([at(0, 3.5), at(3000, 0.5), at(4000, 0.5)]).toEqual([5, 5, 1]);
});

test('what came through the activator is counted once, by the activator', () => {
  const autoscaler = create({});
  autoscaler.record(START_MS + 1000, stat(5));
  autoscaler.record(START_MS + 1000, stat(7, 5));
  expect(autoscaler.tick(START_MS + 1000, 1).stableAverage).toBe(7);
});

test('a panic holds the replicas that were ready at the start for a stable window', () => {
  const autoscaler = create({ window: '6s' }, 5);
  const desired = [];
  for (let second = 1; second <= 10; second++) {
    autoscaler.record(START_MS + second * 1000, stat(1));
    desired.push(autoscaler.tick(START_MS + second * 1000, 5).desired);
  }
  expect(desired).toEqual([5, 5, 5, 5, 5, 5, 2, 2, 2, 2]);
});

test('behind the activator for longer than the grace period, the last replica goes 3 s after the revision turned inactive', () => {
  const annotations = { window: '6s', target: '1', 'target-utilization-percentage': '100' };
  const autoscaler = create(annotations, 0, START_MS - 60_000);
  const log: string[] = [];
  let replicas = 0;
  const apply = (nowMs: number) => {
    const applied = autoscaler.apply({ nowMs, readyReplicas: replicas, replicas });
    if (applied.replicas !== undefined) replicas = applied.replicas;
    log.push(
      `${(nowMs - START_MS) / 1000} ${applied.activity.state} ${replicas} ${applied.mode} again ${applied.againMs}`,
    );
    return applied;
  };
  autoscaler.record(START_MS, stat(1));
  autoscaler.tick(START_MS, 0);
  apply(START_MS);
  apply(START_MS + 100);
  for (let second = 1; second <= 7; second++) autoscaler.record(START_MS + second * 1000, stat(0));
  expect(autoscaler.tick(START_MS + 7000, replicas).desired).toBe(0);
  apply(START_MS + 7000);
  apply(START_MS + 10_000);
  expect(log).toEqual([
    '0 Activating 1 Proxy again undefined',
    '0.1 Active 1 Proxy again undefined',
    '7 Inactive 1 Proxy again 3000',
    '10 Inactive 0 Proxy again undefined',
  ]);
});

test('with burst capacity 0 the activator leaves the path, and the last replica waits the grace period', () => {
  const autoscaler = create({ window: '6s', 'target-burst-capacity': '0' }, 1);
  autoscaler.record(START_MS, stat(1));
  autoscaler.tick(START_MS, 1);
  const at = (ms: number) => autoscaler.apply({ nowMs: START_MS + ms, readyReplicas: 1, replicas: 1 });
  expect(at(0)).toMatchObject({ mode: 'Serve', pathChanged: true });
  for (let second = 1; second <= 7; second++) autoscaler.record(START_MS + second * 1000, stat(0));
  autoscaler.tick(START_MS + 7000, 1);
  expect(at(7000)).toMatchObject({ mode: 'Proxy', pathChanged: true, activity: { state: 'Inactive' } });
  expect(at(7000)).toMatchObject({ replicas: undefined, pathChanged: false, againMs: 30_000 });
  expect(at(36_999)).toMatchObject({ replicas: undefined });
  expect(at(37_000)).toMatchObject({ replicas: 0, wanted: 0 });
});

test('a revision that no route reaches any more ignores its minimum', () => {
  const autoscaler = create({ 'min-scale': '2' }, 2);
  expect(autoscaler.apply({ nowMs: START_MS, readyReplicas: 2, replicas: 2 })).toMatchObject({ wanted: 2 });
  autoscaler.update(START_MS, { reachable: false });
  autoscaler.record(START_MS + 1000, stat(1));
  for (const ms of [2000, 100_000]) {
    autoscaler.record(START_MS + ms, stat(1));
    autoscaler.tick(START_MS + ms, 2);
  }
  expect(autoscaler.apply({ nowMs: START_MS + 100_000, readyReplicas: 2, replicas: 2 })).toMatchObject({
    replicas: 1,
  });
});

describe('for any settings', () => {
  // A linear congruential generator: the same cases in every run.
  let seed = 20_000_101;
  const random = (least: number, most: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return least + (seed / 2_147_483_648) * (most - least);
  };
  const cases = Array.from({ length: 500 }, () => ({
    settings: {
      target: random(0.01, 50),
      total: random(1, 100),
      stableWindowMs: 60_000,
      panicThreshold: random(1.1, 10),
      maxScaleUpRate: random(1.01, 20),
      maxScaleDownRate: random(1.01, 20),
      activationScale: Math.round(random(0, 6)),
      targetBurstCapacity: Math.round(random(-1, 300)),
    },
    readyReplicas: Math.round(random(0, 40)),
    load: random(0, 500),
    more: random(0, 500),
  }));

  const desired = ({ settings, readyReplicas }: (typeof cases)[number], load: number) =>
    decide(
      startDeciding(0, 0, 0),
      settings,
      { stable: load, panic: load },
      { nowMs: 1, readyReplicas, reachable: true },
    ).decision;

  test('more load never wants fewer replicas, nor leaves more capacity', () => {
    for (const item of cases) {
      const [less, more] = [desired(item, item.load), desired(item, item.load + item.more)];
      expect(more.desired, JSON.stringify(item)).toBeGreaterThanOrEqual(less.desired);
      expect(more.excessBurstCapacity, JSON.stringify(item)).toBeLessThanOrEqual(less.excessBurstCapacity);
    }
  });

  test('a decision stays within the rates, one replica more being always allowed', () => {
    for (const item of cases) {
      const { settings, load } = item;
      const ready = Math.max(1, item.readyReplicas);
      const most = Math.max(Math.ceil(ready * settings.maxScaleUpRate), settings.activationScale);
      const wanted = desired(item, load).desired;
      expect(wanted, JSON.stringify(item)).toBeLessThanOrEqual(most);
      expect(wanted, JSON.stringify(item)).toBeGreaterThanOrEqual(
        Math.floor(ready / settings.maxScaleDownRate),
      );
      if (load / settings.target > ready) expect(wanted, JSON.stringify(item)).toBeGreaterThan(ready);
    }
  });

  test('a panic never lowers what is wanted', () => {
    for (const { settings, readyReplicas } of cases) {
      let state = startDeciding(0, 2, 0);
      let before = 0;
      for (let tick = 1; tick <= 30; tick++) {
        const load = { stable: random(0, 300), panic: random(0, 300) };
        const next = decide(state, settings, load, { nowMs: tick * 2000, readyReplicas, reachable: true });
        if (next.state.panicMs !== undefined) expect(next.decision.desired).toBeGreaterThanOrEqual(before);
        before = next.decision.desired;
        state = next.state;
      }
    }
  });

  test('a clamped number is within bounds', () => {
    const revision = { reachable: true, initialized: true };
    for (let desired = -1; desired <= 8; desired++)
      for (let minScale = 0; minScale <= 5; minScale++) {
        const open = clamp(desired, { minScale, maxScale: 0, initialScale: 1 }, revision);
        expect(open).toBe(Math.max(desired, minScale));
        for (let maxScale = Math.max(1, minScale); maxScale <= 5; maxScale++) {
          const wanted = clamp(desired, { minScale, maxScale, initialScale: 1 }, revision);
          expect(wanted).toBe(Math.min(maxScale, Math.max(desired, minScale)));
        }
      }
  });
});
