import { queueFactor } from '../refusal.ts';

/** What waits for a place, and is told when it has one. */
export type Waiting = { begin(): void };

/** Lets `limit` be in work at a time, and ten times as many wait (knative/serving pkg/queue/breaker.go); 0: no limit. */
export function createBreaker(limit: number): {
  /** False if it may not even wait. */
  enter(one: Waiting): boolean;
  /** It ended. Tells whether it still waited. */
  leave(one: Waiting): boolean;
} {
  const queue = new Set<Waiting>();
  let active = 0;
  const begin = (one: Waiting): void => {
    active++;
    one.begin();
  };
  return {
    enter(one) {
      if (limit === 0 || active < limit) begin(one);
      else if (queue.size < queueFactor * limit) queue.add(one);
      else return false;
      return true;
    },
    leave(one) {
      if (queue.delete(one)) return true;
      active--;
      const [next] = queue;
      if (next) {
        queue.delete(next);
        begin(next);
      }
      return false;
    },
  };
}
