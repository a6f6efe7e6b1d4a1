import type { ModelRef, Prediction } from '../../shared/prediction.ts';
import type { StoredOutcome } from '../../shared/store.ts';

export type Done = { status: 'done'; prediction: Prediction; model: ModelRef | undefined; cached: boolean };
export type OutcomeAnswer =
  Done | { status: 'failed'; reason: string; nearest?: string[] | undefined } | { status: 'queued' };

/** What a caller is told of one request. */
export function outcomeAnswer(stored: StoredOutcome | undefined): OutcomeAnswer {
  if (!stored) return { status: 'queued' };
  const { outcome, model, cached } = stored;
  if (outcome.status === 'done')
    return { status: 'done', prediction: outcome.prediction, model: outcome.model ?? model, cached };
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
): JobAnswer {
  if (!list) return { id, ...outcomeAnswer(outcomes[0]) };
  const open = outcomes.some((outcome) => outcome === undefined);
  return { id, status: open ? 'queued' : 'done', outcomes: outcomes.map(outcomeAnswer) };
}
