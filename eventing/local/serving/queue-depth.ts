import type { Refusal } from './refusal.ts';

/** Requests that wait in a replica's queue-proxy, per request that may be in flight (knative/serving cmd/queue, breaker queue depth). */
export const queueFactor = 10;

/** The answer to requests beyond it. */
export const queueFull: Refusal = { status: 503, detail: 'pending request queue full', retryAfterSeconds: 1 };
