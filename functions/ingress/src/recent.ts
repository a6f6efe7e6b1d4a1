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
      if (kept.size <= limit) return;
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        break;
      }
    },
  };
}
