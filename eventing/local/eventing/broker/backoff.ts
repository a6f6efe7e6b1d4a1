/** How often and when delivery is tried again. `retry` tries after the first; times in milliseconds. */
export type Retry = { retry: number; backoffPolicy: 'linear' | 'exponential'; backoffDelayMs: number };

/** Milliseconds to wait before retry `n` (1, 2, …). No jitter, no maximum; the first exponential wait is already twice the delay. */
export function backoff(policy: Retry['backoffPolicy'], delayMs: number, n: number): number {
  return policy === 'linear' ? delayMs * n : delayMs * 2 ** n;
}

/** The longest that one event can hold its worker, in ms: all attempts time out, all waits are waited. */
export function worstCase({ retry, backoffPolicy, backoffDelayMs }: Retry, timeoutMs: number): number {
  let total = (retry + 1) * timeoutMs;
  for (let n = 1; n <= retry; n++) total += backoff(backoffPolicy, backoffDelayMs, n);
  return total;
}

/** Statuses after which the dispatcher of a Trigger tries again (eventing, kncloudevents.SelectiveRetry). All others count as delivered. */
export function dispatcherRetries(status: number): boolean {
  return status >= 500 || status === 404 || status === 408 || status === 409 || status === 429;
}

/** Statuses after which a RabbitmqSource tries again (CloudEvents SDK, protocol/http). 500 is not among them. */
export function sourceRetries(status: number): boolean {
  return [404, 413, 425, 429, 502, 503, 504].includes(status);
}
