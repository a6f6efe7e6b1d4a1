import type { Stat } from './autoscaler/metric.ts';

/** Counts requests in flight, waiting ones too, as the activator reports them to the autoscaler. */
export type Meter = {
  readonly inFlight: number;
  /** A request came; `sinceMs` (of performance.now): when it really arrived, if given. */
  enter(sinceMs?: number): void;
  leave(): void;
  /** What the activator reports at once of the first request to a revision at zero; the next report is less by it. */
  first(): Stat;
  /** Time-weighted mean since the last report. */
  report(): Stat;
};

/** A meter that starts now. */
export function createMeter(): Meter {
  let inFlight = 0;
  let requests = 0;
  let area = 0;
  let early = 0;
  let changed = performance.now();
  let reported = changed;
  const advance = (): void => {
    const now = performance.now();
    area += inFlight * (now - changed);
    changed = now;
  };
  return {
    get inFlight() {
      return inFlight;
    },
    enter(sinceMs) {
      advance();
      if (sinceMs !== undefined) area += changed - sinceMs;
      inFlight++;
      requests++;
    },
    leave() {
      advance();
      inFlight--;
    },
    first() {
      early++;
      return { concurrency: 1, proxiedConcurrency: 0, requests: 1, proxiedRequests: 0 };
    },
    report() {
      advance();
      const span = Math.max(1, changed - reported);
      const concurrency = Math.max(0, area / span - early);
      const stat = {
        concurrency,
        proxiedConcurrency: 0,
        requests: Math.max(0, requests - early),
        proxiedRequests: 0,
      };
      area = requests = early = 0;
      reported = changed;
      return stat;
    },
  };
}
