import type { Log } from '../../../shared/log.ts';
import type { Settled, Store, StoredOutcome } from '../../../shared/store/store.ts';

/** Who waits for the outcomes of one job. */
export type Waiter = {
  /** By place in the job; undefined while it is awaited. */
  outcomes: (StoredOutcome | undefined)[];
  fill(outcomes: readonly (StoredOutcome | undefined)[]): void;
  complete(): boolean;
  /** Resolves when every outcome is known, after `ms`, or when `signal` aborts. */
  settled(ms: number, signal: AbortSignal): Promise<void>;
  /** Resolves when another outcome is known, after `ms`, or when `signal` aborts. */
  changed(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
};

/** The waiters of this replica, by the ids of their jobs. */
export type Waiting = {
  open(id: string, count: number): Waiter;
  settle(settled: readonly Settled[]): void;
  /** Ends every wait, now and later: the process will stop. */
  hurry(): void;
  hurried(): boolean;
  close(): void;
};

type Open = Waiter & { id: string; since: number; wake: Set<() => void> };

/**
 * Tells waiters by the store's channel. A message that is lost there must not cost a caller its answer: after every `everyMs` of waiting the
 * store is asked.
 */
export function createWaiting(store: Pick<Store, 'find'>, log: Log, everyMs = 500): Waiting {
  const open = new Map<string, Set<Open>>();
  let hurried = false;

  function fill(one: Open, place: number, outcome: StoredOutcome): void {
    if (one.outcomes[place] !== undefined || place >= one.outcomes.length) return;
    one.outcomes[place] = outcome;
  }

  function tell(waiters: Iterable<Open>): void {
    for (const { wake } of waiters) for (const call of [...wake]) call();
  }

  async function lookUp(): Promise<void> {
    const before = performance.now() - everyMs;
    for (const [id, waiters] of open) {
      if (![...waiters].some(({ since }) => since < before)) continue;
      const found = await store.find(id);
      if (!('outcomes' in found)) continue;
      for (const one of waiters) one.fill(found.outcomes);
    }
  }

  const timer = setInterval(() => {
    if (looking || open.size === 0) return;
    looking = true;
    lookUp()
      .catch((error: unknown) => {
        log.debug('cannot look up who waits', { error });
      })
      .finally(() => {
        looking = false;
      });
  }, everyMs).unref();
  let looking = false;

  return {
    open(id, count) {
      const wake = new Set<() => void>();
      const until = (reached: () => boolean, ms: number, signal: AbortSignal): Promise<void> =>
        new Promise((resolve) => {
          if (hurried || reached() || signal.aborted) {
            resolve();
            return;
          }
          const end = (): void => {
            clearTimeout(timer);
            wake.delete(call);
            signal.removeEventListener('abort', end);
            resolve();
          };
          const call = (): void => {
            if (hurried || reached()) end();
          };
          const timer = setTimeout(end, ms);
          wake.add(call);
          signal.addEventListener('abort', end);
        });
      const one: Open = {
        id,
        since: performance.now(),
        wake,
        outcomes: Array.from({ length: count }, () => undefined),
        fill(outcomes) {
          for (const [place, outcome] of outcomes.entries()) if (outcome) fill(one, place, outcome);
          tell([one]);
        },
        complete: () => !one.outcomes.includes(undefined),
        settled: (ms, signal) => until(() => one.complete(), ms, signal),
        changed(ms, signal) {
          const known = (): number => one.outcomes.filter((outcome) => outcome !== undefined).length;
          const before = known();
          return until(() => known() > before, ms, signal);
        },
        close() {
          const others = open.get(id);
          others?.delete(one);
          if (others?.size === 0) open.delete(id);
        },
      };
      const others = open.get(id) ?? new Set();
      open.set(id, others.add(one));
      return one;
    },
    settle(settled) {
      const told = new Set<Open>();
      for (const { id, ...outcome } of settled) {
        const dot = id.indexOf('.');
        const waiters = open.get(dot < 0 ? id : id.slice(0, dot));
        for (const one of waiters ?? []) {
          fill(one, dot < 0 ? 0 : Number(id.slice(dot + 1)), outcome);
          told.add(one);
        }
      }
      tell(told);
    },
    hurry() {
      hurried = true;
      for (const waiters of open.values()) tell(waiters);
    },
    hurried: () => hurried,
    close() {
      clearInterval(timer);
    },
  };
}
