import type { StoredOutcome } from '../../../shared/store/store.ts';
import { hasFailed } from '../../../shared/store/rules.ts';

/** The predictions that this replica saw last, in front of the store's cache. Their cache keys hold the model's digest. */
export type Recent = {
  find(key: string): StoredOutcome | undefined;
  remember(key: string, stored: StoredOutcome): void;
};

/**
 * Keeps up to `limit` predictions, in two generations of half as many. What is used moves into the newer one; when that is full the older one
 * goes. So the half that was used last is always there. An exact order would need a write for each hit.
 */
export function createRecent(limit: number): Recent {
  const half = Math.ceil(limit / 2);
  let newer = new Map<string, StoredOutcome>();
  let older = newer;
  function use(key: string, stored: StoredOutcome): void {
    newer.set(key, stored);
    if (newer.size < half) return;
    older = newer;
    newer = new Map();
  }
  return {
    find(key) {
      const found = newer.get(key);
      if (found) return found;
      const before = older.get(key);
      if (before) use(key, before);
      return before;
    },
    remember(key, stored) {
      if (limit > 0 && !hasFailed(stored)) use(key, { ...stored, cached: true });
    },
  };
}
