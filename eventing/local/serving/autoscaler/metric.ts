import { createBuckets, isEmpty, recordValue, resizeWindow, windowAverage } from './buckets.ts';
import type { Aggregation, Buckets } from './buckets.ts';

/** What a revision is scaled on: requests in flight, or requests per second. */
export type MetricName = 'concurrency' | 'rps';

/** One report of the activator or of a replica's queue-proxy, for about a second. */
export type Stat = {
  /** Time-weighted mean of the requests in flight; the activator counts waiting ones too. */
  concurrency: number;
  /** The part of `concurrency` that came through the activator, which reports it itself. 0 in its own reports. */
  proxiedConcurrency: number;
  /** Requests since the last report, and the part of them that came through the activator. */
  requests: number;
  proxiedRequests: number;
};

/** The collected reports of one revision. The aggregation is fixed for its life, as in Knative. */
export type Metric = { readonly aggregation: Aggregation } & Readonly<Record<MetricName, Windows>>;

type Windows = { stable: Buckets; panic: Buckets };

/** The averages that a decision is made on. */
export type Averages = { stable: number; panic: number };

/** Empty windows of one-second buckets for both metrics. */
export function createMetric(
  aggregation: Aggregation,
  windows: { stableWindowMs: number; panicWindowMs: number },
): Metric {
  const create = () => ({
    stable: createBuckets(windows.stableWindowMs),
    panic: createBuckets(windows.panicWindowMs),
  });
  return { aggregation, concurrency: create(), rps: create() };
}

/** Adds a report; all reports of one second are summed. A replica's reports count without what the activator reports. */
export function recordStat(metric: Metric, atMs: number, stat: Stat): void {
  const values = {
    concurrency: stat.concurrency - stat.proxiedConcurrency,
    rps: stat.requests - stat.proxiedRequests,
  };
  for (const name of ['concurrency', 'rps'] as const) {
    recordValue(metric[name].stable, atMs, values[name]);
    recordValue(metric[name].panic, atMs, values[name]);
  }
}

/** Applies changed windows; what was collected stays. */
export function resizeMetric(
  metric: Metric,
  nowMs: number,
  windows: { stableWindowMs: number; panicWindowMs: number },
): void {
  for (const name of ['concurrency', 'rps'] as const) {
    resizeWindow(metric[name].stable, nowMs, windows.stableWindowMs);
    resizeWindow(metric[name].panic, nowMs, windows.panicWindowMs);
  }
}

/**
 * Both averages, or undefined when nothing came for longer than the stable window. With `scraped` false (target-burst-capacity -1: the activator
 * sees every request) silence means 0.
 */
export function averages(
  metric: Metric,
  name: MetricName,
  nowMs: number,
  scraped: boolean,
): Averages | undefined {
  const { stable, panic } = metric[name];
  if (scraped && isEmpty(stable, nowMs)) return undefined;
  return {
    stable: windowAverage(stable, nowMs, metric.aggregation),
    panic: windowAverage(panic, nowMs, metric.aggregation),
  };
}
