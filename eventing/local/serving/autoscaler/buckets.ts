/** How the seconds of a window are averaged; `autoscaling.knative.dev/metric-aggregation-algorithm`. */
export type Aggregation = 'linear' | 'weighted-exponential';

/** A sliding window of sums, one per `granularityMs`, in a ring. Times are ms of one clock, also across restarts of a window. */
export type Buckets = {
  readonly granularityMs: number;
  windowMs: number;
  sums: number[];
  /** The sum of `sums`, kept running: Knative's float rounding depends on the order of these additions. */
  total: number;
  /** Start of the first bucket since the last gap of a whole window. */
  firstMs: number | undefined;
  /** Start of the newest bucket written, -Infinity before any. */
  lastMs: number;
};

/** An empty window of ceil(windowMs / granularityMs) buckets. */
export function createBuckets(windowMs: number, granularityMs = 1000): Buckets {
  const sums = emptySums(windowMs, granularityMs);
  return { granularityMs, windowMs, sums, total: 0, firstMs: undefined, lastMs: -Infinity };
}

/** Adds a value to the bucket of its time. A value a window or more older than the newest bucket is dropped. */
export function recordValue(buckets: Buckets, atMs: number, value: number): void {
  const bucketMs = bucketStart(buckets, atMs);
  if (bucketMs + buckets.windowMs <= buckets.lastMs) return;
  if (bucketMs !== buckets.lastMs) {
    if (buckets.firstMs === undefined || bucketMs < buckets.firstMs) buckets.firstMs = bucketMs;
    if (bucketMs > buckets.lastMs) advance(buckets, bucketMs);
  }
  const place = slot(buckets, indexOf(buckets, bucketMs));
  buckets.sums[place] = sumAt(buckets, place) + value;
  buckets.total += value;
}

/** Whether nothing was written for longer than the window: no data to decide on. */
export function isEmpty(buckets: Buckets, nowMs: number): boolean {
  return bucketStart(buckets, nowMs) - buckets.lastMs > buckets.windowMs;
}

/** The average of the window at a time; 0 from one window after the last write. */
export function windowAverage(buckets: Buckets, nowMs: number, aggregation: Aggregation): number {
  return aggregation === 'linear' ? linearAverage(buckets, nowMs) : weightedAverage(buckets, nowMs);
}

/** Changes the window and keeps the newest buckets that fit. From then on the first write counts as a whole old window ago. */
export function resizeWindow(buckets: Buckets, nowMs: number, windowMs: number): void {
  if (windowMs === buckets.windowMs) return;
  const old = { ...buckets };
  buckets.windowMs = windowMs;
  buckets.sums = emptySums(windowMs, buckets.granularityMs);
  buckets.total = 0;
  if (isEmpty(old, nowMs)) {
    buckets.firstMs = undefined;
    return;
  }
  const newest = indexOf(old, old.lastMs);
  for (let age = 0; age < Math.min(old.sums.length, buckets.sums.length); age++) {
    const sum = sumAt(old, slot(old, newest - age));
    buckets.sums[slot(buckets, newest - age)] = sum;
    buckets.total += sum;
  }
  buckets.firstMs = old.lastMs - (old.sums.length - 1) * old.granularityMs;
}

/** Share of the newest bucket in the weighted average: the weights of a full window add up to 0.9999, or fall by a fifth each. */
export function smoothingCoefficient(bucketCount: number): number {
  return Math.max(1 - 0.0001 ** (1 / bucketCount), 0.2);
}

/** Mean over the buckets from the first write to the last; seconds missing between them count as 0, seconds after them do not count. */
function linearAverage(buckets: Buckets, nowMs: number): number {
  const now = bucketStart(buckets, nowMs);
  if (now - buckets.lastMs >= buckets.windowMs) return 0;
  const last = indexOf(buckets, buckets.lastMs);
  const gap = Math.max(0, indexOf(buckets, now) - last);
  let sum = buckets.total;
  for (let step = 1; step <= gap; step++) sum -= sumAt(buckets, slot(buckets, last + step));
  const written = buckets.firstMs === undefined ? Infinity : last - indexOf(buckets, buckets.firstMs) + 1;
  return roundTo6Digits(sum / Math.min(written, buckets.sums.length - gap));
}

/** Sum of bucket × c × (1 − c)^age. */
function weightedAverage(buckets: Buckets, nowMs: number): number {
  if (isEmpty(buckets, nowMs)) return 0;
  const keep = 1 - smoothingCoefficient(buckets.sums.length);
  const newest = indexOf(buckets, buckets.lastMs);
  const gap = Math.max(0, indexOf(buckets, bucketStart(buckets, nowMs)) - newest);
  let weight = smoothingCoefficient(buckets.sums.length) * keep ** gap;
  let average = 0;
  for (let age = 0; age < buckets.sums.length - gap; age++) {
    average += sumAt(buckets, slot(buckets, newest - age)) * weight;
    weight *= keep;
  }
  return average;
}

/** Empties the buckets between the last write and a newer one. After a gap of a whole window the first write starts anew. */
function advance(buckets: Buckets, bucketMs: number): void {
  if (bucketMs - buckets.lastMs >= buckets.windowMs) {
    buckets.firstMs = bucketMs;
    buckets.sums.fill(0);
    buckets.total = 0;
  } else {
    for (let index = indexOf(buckets, buckets.lastMs) + 1; index <= indexOf(buckets, bucketMs); index++) {
      buckets.total -= sumAt(buckets, slot(buckets, index));
      buckets.sums[slot(buckets, index)] = 0;
    }
  }
  buckets.lastMs = bucketMs;
}

/** Rounds half away from zero; Math.round does not below zero. */
function roundTo6Digits(value: number): number {
  return (Math.sign(value) * Math.round(Math.abs(value) * 1e6)) / 1e6;
}

function emptySums(windowMs: number, granularityMs: number): number[] {
  return new Array<number>(Math.ceil(windowMs / granularityMs)).fill(0);
}

function bucketStart(buckets: Buckets, atMs: number): number {
  return Math.floor(atMs / buckets.granularityMs) * buckets.granularityMs;
}

function indexOf(buckets: Buckets, bucketMs: number): number {
  return bucketMs / buckets.granularityMs;
}

function slot(buckets: Buckets, index: number): number {
  const size = buckets.sums.length;
  return ((index % size) + size) % size;
}

function sumAt(buckets: Buckets, place: number): number {
  return buckets.sums[place] ?? 0;
}
