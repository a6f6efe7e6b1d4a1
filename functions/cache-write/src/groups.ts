import { maxRequests } from '../../shared/events/events.ts';
import type { OurRequest } from '../../shared/prediction.ts';
import type { OverdueJob } from '../../shared/store/store.ts';

/**
 * The most requests of an event, by how often they were published before. A request that ends every process which gets it takes along all others of its
 * event: those that get no answer part from it step by step, and go alone before they are given up.
 */
const largest = [maxRequests, 250, 60, 15, 1];

/** The requests of overdue jobs in groups, each for one event; those that were published least often come first. */
export function groupsOf(jobs: readonly OverdueJob[]): OurRequest[][] {
  const groups: OurRequest[][] = [];
  for (const [n, size] of largest.entries()) {
    const requests = jobs
      .filter(({ attempts }) => Math.min(attempts, largest.length) === n + 1)
      .flatMap((job) => job.requests.map(({ request }): OurRequest => ({ ...request, ...job.asker })));
    for (let at = 0; at < requests.length; at += size) groups.push(requests.slice(at, at + size));
  }
  return groups;
}
