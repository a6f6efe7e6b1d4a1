import { expect, test } from 'vitest';
import {
  backoff,
  dispatcherRetries,
  sourceRetries,
  worstCase,
} from '../../../../../eventing/local/eventing/broker/backoff.ts';

test('linear waits d, 2d, 3d; exponential 2d, 4d, 8d', () => {
  expect([1, 2, 3].map((n) => backoff('linear', 100, n))).toEqual([100, 200, 300]);
  expect([1, 2, 3].map((n) => backoff('exponential', 100, n))).toEqual([200, 400, 800]);
});

test('the worst case of an event is all attempts timed out and all waits waited', () => {
  expect(worstCase({ retry: 4, backoffPolicy: 'exponential', backoffDelayMs: 1000 }, 30_000)).toBe(180_000);
  expect(worstCase({ retry: 0, backoffPolicy: 'linear', backoffDelayMs: 1000 }, 10_000)).toBe(10_000);
});

test('the two status tables differ', () => {
  const statuses = [200, 202, 304, 400, 401, 404, 408, 409, 413, 422, 425, 429, 500, 501, 502, 503, 504];
  expect(statuses.filter(dispatcherRetries)).toEqual([404, 408, 409, 429, 500, 501, 502, 503, 504]);
  expect(statuses.filter(sourceRetries)).toEqual([404, 413, 425, 429, 502, 503, 504]);
});
