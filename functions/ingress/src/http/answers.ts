import type { ModelRef } from '../../../shared/prediction.ts';
import type { StoredOutcome } from '../../../shared/store/store.ts';
import { hasFailed } from '../../../shared/store/rules.ts';

// Answers are joined from stored texts: parsing and writing each would be most of a cached list's cost.

const texts = new WeakMap<ModelRef, string>();

function modelText(made: ModelRef, cached: boolean, current: ModelRef | undefined): string {
  if (cached && current && (current.stale !== made.stale || current.refused !== made.refused))
    return JSON.stringify({ ...made, stale: current.stale, refused: current.refused });
  let text = texts.get(made);
  if (text === undefined) {
    text = JSON.stringify(made);
    texts.set(made, text);
  }
  return text;
}

/**
 * What a caller is told of one request, as JSON: the stored outcome, and for a prediction its `model` and whether it was `cached`. A cached one
 * is stale if `current` is, and says what `current` says is refused; what was so when it was made does not matter now.
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

/** What a caller is told of a job, as JSON. A list is done when each request has ended, done or failed. */
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
