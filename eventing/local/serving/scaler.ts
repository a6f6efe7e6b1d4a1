import { createAutoscaler } from './autoscaler/autoscaler.ts';
import type { Autoscaler } from './autoscaler/autoscaler.ts';
import type { AutoscalerConfig } from './autoscaler/config.ts';
import type { Stat } from './autoscaler/metric.ts';

/** What the autoscaler's decisions act on. */
export type Scalable = {
  readyReplicas(): number;
  scale(replicas: number, scheduledMs: number): void;
  mode(mode: 'Serve' | 'Proxy'): void;
};

/** The sources of the autoscaler's figures: the activator, and queue-proxies where requests bypass it. */
export type Reports = {
  /** What the activator reports at once of the first request to a revision at zero. */
  first(): Stat;
  /** Of all requests, since the last report. */
  report(): Stat;
};

/** The clockwork around the autoscaler of one revision: reports each second, decides every two, applies when it is due. */
export type Scaler = {
  readonly wanted: number;
  readonly panicking: boolean;
  /** A request came while no replica was ready. Returns whether this began a start from zero. */
  poke(): boolean;
  /** The number of ready replicas changed. */
  observe(): void;
  stop(): void;
};

const reportMs = 1000;

/** Starts with `replicas` ready ones; with none, nothing starts before the first request. */
export function startScaler(
  config: AutoscalerConfig,
  reports: Reports,
  target: Scalable,
  replicas: number,
): Scaler {
  const autoscaler: Autoscaler = createAutoscaler(config, {
    nowMs: performance.now(),
    readyReplicas: replicas,
    reachable: true,
  });
  let asked = replicas;
  let wanted = replicas;
  let again: NodeJS.Timeout | undefined;
  let odd = false;
  let stopped = false;

  function apply(): void {
    clearTimeout(again);
    if (stopped) return;
    const nowMs = performance.now();
    const applied = autoscaler.apply({ nowMs, readyReplicas: target.readyReplicas(), replicas: asked });
    wanted = Math.max(0, applied.wanted);
    target.mode(applied.mode);
    if (applied.replicas !== undefined) {
      asked = applied.replicas;
      target.scale(asked, nowMs);
    }
    if (applied.pathChanged) again = setTimeout(apply, 0);
    else if (applied.againMs !== undefined) again = setTimeout(apply, applied.againMs);
  }

  function tick(): void {
    if (autoscaler.tick(performance.now(), target.readyReplicas()).changed) apply();
  }

  const clock = setInterval(() => {
    const stat = reports.report();
    const load = stat.concurrency > 0 || stat.requests > 0;
    if ((load || target.readyReplicas() > 0) && autoscaler.record(performance.now(), stat)) tick();
    else if ((odd = !odd)) tick();
  }, reportMs);
  apply();

  return {
    get wanted() {
      return wanted;
    },
    get panicking() {
      return autoscaler.status().panicking;
    },
    poke() {
      if (asked > 0) return false;
      autoscaler.record(performance.now(), reports.first());
      tick();
      return asked > 0;
    },
    observe: apply,
    stop() {
      stopped = true;
      clearInterval(clock);
      clearTimeout(again);
    },
  };
}
