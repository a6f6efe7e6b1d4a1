import type { StoredOutcome } from '../../shared/store.ts';
import { hasFailed } from '../../shared/store-rules.ts';

/** The predictions that this replica saw last, in front of the store's cache, by their cache keys, which hold the model's digest. */
export type Recent = {
  find(key: string): StoredOutcome | undefined;
  remember(key: string, stored: StoredOutcome): void;
};

/** Keeps up to `limit` predictions, the least recently used goes first. */
export function createRecent(limit: number): Recent {
  const kept = new Map<string, StoredOutcome>();
  // One iterator for ever: what is behind it was removed, so that it gives the oldest. A new one would pass over the holes of all that was removed.
  const oldest = kept.keys();
  return {
    find(key) {
      const found = kept.get(key);
      if (found) {
        kept.delete(key);
        kept.set(key, found);
      }
      return found;
    },
    remember(key, stored) {
      if (hasFailed(stored)) return;
      kept.set(key, { ...stored, cached: true });
      if (kept.size > limit) kept.delete(oldest.next().value ?? key);
    },
  };
}
