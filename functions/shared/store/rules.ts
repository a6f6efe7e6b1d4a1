import * as v from 'valibot';
import { loadCrypto } from '../builtins.ts';
import type { ModelRef } from '../prediction.ts';
import { Outcome, ownModel } from '../prediction.ts';
import type { Found, StoredOutcome } from './store.ts';

const seconds = 1000;
const hours = 3600 * seconds;

/** How long things are kept, in ms. An id stays known longer than its result: an expired one can be told from one never given. */
export const defaultKept = {
  result: 24 * hours,
  id: 7 * 24 * hours,
  prediction: 24 * hours,
  claim: 48 * hours,
  deadLetter: 30 * 24 * hours,
  /** A season and the summer behind it: what was said of a match can be scored when it is over. */
  history: 400 * 24 * hours,
  /** The longest that requests join another one in flight, before a new one is published for their fixture. */
  flight: 30 * seconds,
};
export type Kept = typeof defaultKept;

export const maxAttempts = 6;

/** The time in ms that publication number `attempt` (from 1) has to be answered: 15 s, doubled each time, at most 4 minutes. */
export function patience(attempt: number): number {
  return Math.min(15 * 2 ** (attempt - 1), 240) * seconds;
}

/** A deadline further ahead than this, in ms, was set by a clock that is wrong: the job counts as overdue. */
export const furthest = 2 * patience(maxAttempts);

/** The outcome of a request that no publication got answered, without its id. */
export const exhausted = JSON.stringify({
  status: 'failed',
  reason: `not answered after ${maxAttempts} attempts`,
});

/** The length of the short ids. */
export const idLength = 12;

/** A short id, for what is written many times. */
export const shortId = (text: string): string =>
  loadCrypto().hash('sha256', text, 'base64url').slice(0, idLength);

/** The place of a single request in its job: it has none. */
export const single = -1;

/** The job of a request id and its place there: `<job id>.<place>`, or the job's own id. */
export function placeOf(id: string): { job: string; place: number } {
  const [, job, place] = /^(.*)\.(0|[1-9]\d{0,2})$/s.exec(id) ?? [];
  return job === undefined ? { job: id, place: single } : { job, place: Number(place) };
}

export function requestId(job: string, place: number): string {
  return place === single ? job : `${job}.${place}`;
}

/** An outcome as it is stored: without its id, because it answers others too, and without its model, which is stored once for many. */
export function textOf(outcome: Outcome): string {
  return outcome.status === 'done'
    ? JSON.stringify({ status: outcome.status, prediction: outcome.prediction })
    : JSON.stringify({ ...outcome, id: undefined });
}

/** A stored outcome; `model` is undefined where no model was asked. */
export function storedOutcome(text: string, model: ModelRef | undefined, cached: boolean): StoredOutcome {
  return model ? { text, model, cached } : { text, cached };
}

/** An outcome that was given just now, as it is stored; `model` made it unless it names its own. */
export function storedNow(outcome: Outcome, model?: ModelRef): StoredOutcome {
  return storedOutcome(textOf(outcome), ownModel(outcome) ?? model, false);
}

/** How the text of an outcome begins that is done: `textOf` puts the status first. */
export const doneStart = '{"status":"done"';

/** Whether the request failed. */
export function hasFailed({ text }: Pick<StoredOutcome, 'text'>): boolean {
  return !text.startsWith(doneStart);
}

/** What `find` says of a job: a single one has failed if its request has, a list is done when each of them has ended. */
export function foundJob(list: boolean, open: boolean, outcomes: (StoredOutcome | undefined)[]): Found {
  const [first] = outcomes;
  const failed = !list && first !== undefined && hasFailed(first);
  return { status: open ? 'queued' : failed ? 'failed' : 'done', list, outcomes };
}

/** The outcome of a stored one, for the request `id`. */
export function readOutcome(id: string, { text }: Pick<StoredOutcome, 'text'>): Outcome {
  return v.parse(Outcome, { ...v.parse(v.looseObject({}), JSON.parse(text)), id });
}

/** A dead letter as it is stored. */
export const DeadLetterRecord = v.object({
  id: v.string(),
  time: v.string(),
  destination: v.string(),
  code: v.number(),
  attempts: v.number(),
  event: v.record(v.string(), v.unknown()),
});

/** A claim as it is stored. */
export const ClaimRecord = v.object({ id: v.string(), fingerprint: v.string() });
