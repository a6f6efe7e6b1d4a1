import type { Fetch } from '../../../functions/shared/http/health.ts';

/** What a request is made of, again for each time that it is sent. */
export type Sent = { path: string; method?: string; headers?: Record<string, string>; body?: string };

/** The bytes that a caller sends: all that a request costs it. */
export function bytesOf({ path, headers = {}, body = '' }: Sent): number {
  const names = Object.entries(headers).flat();
  return Buffer.byteLength(body) + [path, ...names].reduce((sum, text) => sum + text.length, 0);
}

/** The ms of CPU that this process takes to answer a request. What others do on the machine hardly counts. */
export async function cpuOf(
  fetch: Fetch,
  { path, method = 'POST', headers = {}, body }: Sent,
): Promise<number> {
  const hasBody = method === 'POST' && body !== undefined;
  const request = new Request(`http://localhost${path}`, { method, headers, ...(hasBody ? { body } : {}) });
  const before = process.cpuUsage();
  const response = await fetch(request);
  await response.arrayBuffer();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The least that a request costs in up to `tries`, which end when it is within `budget` ms: a collection of garbage is not its fault. */
export async function leastCost(fetch: Fetch, sent: Sent, budget = 0, tries = 7): Promise<number> {
  let least = Infinity;
  for (let n = 0; n < tries && least > budget; n++) least = Math.min(least, await cpuOf(fetch, sent));
  return least;
}

/** The median of what a request costs. */
export async function usualCost(fetch: Fetch, sent: Sent, tries: number): Promise<number> {
  const costs: number[] = [];
  for (let n = 0; n < tries; n++) costs.push(await cpuOf(fetch, sent));
  return costs.sort((a, b) => a - b)[tries >> 1] ?? NaN;
}
