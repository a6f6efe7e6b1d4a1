import type { ModelRef, Prediction } from '../../shared/prediction.ts';
import type { StoredOutcome } from '../../shared/store.ts';

export type Done = { status: 'done'; prediction: Prediction; model: ModelRef | undefined; cached: boolean };
export type OutcomeAnswer =
  Done | { status: 'failed'; reason: string; nearest?: string[] | undefined } | { status: 'queued' };

/** What a caller is told of one request. What comes from the cache is stale if `current` is: what it was when it was made does not matter now. */
export function outcomeAnswer(stored: StoredOutcome | undefined, current?: ModelRef): OutcomeAnswer {
  if (!stored) return { status: 'queued' };
  const { outcome, cached } = stored;
  if (outcome.status === 'done') {
    const made = outcome.model ?? stored.model;
    const model = made && cached && current ? { ...made, stale: current.stale } : made;
    return { status: 'done', prediction: outcome.prediction, model, cached };
  }
  const { reason, nearest } = outcome;
  return { status: 'failed', reason, ...(nearest ? { nearest } : {}) };
}

export type JobAnswer =
  ({ id: string } & OutcomeAnswer) | { id: string; status: 'queued' | 'done'; outcomes: OutcomeAnswer[] };

/** What a caller is told of a job: a list is done when each of its requests has ended, whichever way. */
export function jobAnswer(
  id: string,
  list: boolean,
  outcomes: readonly (StoredOutcome | undefined)[],
  current?: ModelRef,
): JobAnswer {
  if (!list) return { id, ...outcomeAnswer(outcomes[0], current) };
  const open = outcomes.some((outcome) => outcome === undefined);
  return {
    id,
    status: open ? 'queued' : 'done',
    outcomes: outcomes.map((one) => outcomeAnswer(one, current)),
  };
}
