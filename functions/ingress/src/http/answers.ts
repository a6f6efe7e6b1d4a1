import type { ModelRef } from '../../../shared/prediction.ts';
import type { StoredOutcome } from '../../../shared/store/store.ts';
import { hasFailed } from '../../../shared/store/rules.ts';

// Answers are put together from the stored texts: reading and writing each would be most of what a cached list costs.

const texts = new WeakMap<ModelRef, string>();

function modelText(made: ModelRef, cached: boolean, current: ModelRef | undefined): string {
  if (cached && current && current.stale !== made.stale)
    return JSON.stringify({ ...made, stale: current.stale });
  let text = texts.get(made);
  if (text === undefined) {
    text = JSON.stringify(made);
    texts.set(made, text);
  }
  return text;
}

/**
 * What a caller is told of one request, as JSON: the stored outcome, and of a prediction its `model` and whether it was `cached`. What comes from
 * the cache is stale if `current` is: what it was when it was made does not matter now.
 */
export function outcomeAnswer(stored: StoredOutcome | undefined, current?: ModelRef): string {
  if (!stored) return '{"status":"queued"}';
  const { text, model, cached } = stored;
  if (hasFailed(stored)) return text;
  const made = model ? `,"model":${modelText(model, cached, current)}` : '';
  return `${text.slice(0, -1)}${made},"cached":${cached}}`;
}

/** The answer `json` with `members` (JSON, `"name":value`) put in front of its own. */
export function withMembers(members: string, json: string): string {
  return `{${members},${json.slice(1)}`;
}

/** What a caller is told of a job, as JSON: a list is done when each of its requests has ended, whichever way. */
export function jobAnswer(
  id: string,
  list: boolean,
  outcomes: readonly (StoredOutcome | undefined)[],
  current?: ModelRef,
): { queued: boolean; json: string } {
  const queued = outcomes.includes(undefined);
  if (!list) return { queued, json: withMembers(`"id":"${id}"`, outcomeAnswer(outcomes[0], current)) };
  const each = outcomes.map((one) => outcomeAnswer(one, current)).join(',');
  return { queued, json: `{"id":"${id}","status":"${queued ? 'queued' : 'done'}","outcomes":[${each}]}` };
}
