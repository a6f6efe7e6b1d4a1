import { cacheKey, type Fixture, type ModelRef, type Prediction } from '../../shared/prediction.ts';
import type { StoredOutcome } from '../../shared/store.ts';

/** The predictions that this replica saw last, in front of the store's cache. Keys hold the model's digest. */
export type Recent = {
  find(digest: string, fixture: Fixture): { prediction: Prediction; model: ModelRef } | undefined;
  remember(stored: StoredOutcome): void;
};

/** Keeps up to `limit` predictions, the least recently used goes first. */
export function createRecent(limit: number): Recent {
  const kept = new Map<string, { prediction: Prediction; model: ModelRef }>();
  return {
    find(digest, fixture) {
      const key = cacheKey(digest, fixture);
      const found = kept.get(key);
      if (found) {
        kept.delete(key);
        kept.set(key, found);
      }
      return found;
    },
    remember({ outcome, model }) {
      if (outcome.status !== 'done') return;
      const { prediction } = outcome;
      const own = outcome.model ?? model;
      if (!own) return;
      kept.set(cacheKey(own.digest, prediction), { prediction, model: own });
      if (kept.size <= limit) return;
      for (const oldest of kept.keys()) {
        kept.delete(oldest);
        break;
      }
    },
  };
}
