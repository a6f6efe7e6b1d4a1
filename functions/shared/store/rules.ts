import * as v from 'valibot';
import { loadCrypto } from '../builtins.ts';
import { fingerprintLength, fingerprintOf } from '../fingerprint.ts';
import type { Fixture, ModelRef } from '../prediction.ts';
import { Outcome, ownModel } from '../prediction.ts';
import type { Found, Job, StoredOutcome } from './store.ts';

const seconds = 1000;
const hours = 3600 * seconds;

/** How long things are kept, in ms. An id stays known longer than its result: so an expired id differs from an unknown one. */
export const defaultKept = {
  result: 24 * hours,
  id: 7 * 24 * hours,
  prediction: 24 * hours,
  claim: 48 * hours,
  deadLetter: 30 * 24 * hours,
  /** A season and the summer behind it: what was said of a match can be scored when it is over. */
  history: 400 * 24 * hours,
  /** How long requests join one in flight, before a new one is published for their fixture. */
  flight: 30 * seconds,
};
export type Kept = typeof defaultKept;

/** The most dead letters that are kept of those that are signed, and as many of the others; and the most bytes that each of both have together. */
export const lettersKept = { count: 1000, bytes: 16 * 2 ** 20 };

export const maxAttempts = 6;

/** The time in ms that publication number `attempt` (from 1) has to be answered: 15 s, doubled each time, at most 4 minutes. */
export function patience(attempt: number): number {
  return Math.min(15 * 2 ** (attempt - 1), 240) * seconds;
}

/** A deadline further ahead than this, in ms, was set by a wrong clock: the job counts as overdue. */
export const furthest = 2 * patience(maxAttempts);

/**
 * The most bytes of jobs that a sweep reads: some 1000 requests. More would be a slow event, and a read that blocks the store. A larger job goes
 * alone.
 */
export const sweepBytes = 2 ** 18;

/** The outcome of a request whose publications all stayed unanswered, without its id. */
export const exhausted = JSON.stringify({
  status: 'failed',
  reason: `not answered after ${maxAttempts} attempts`,
});

/** The length of the short ids. */
export const idLength = 12;

/** A short id, for what is written many times. */
export const shortId = (text: string): string =>
  loadCrypto().hash('sha256', text, 'base64url').slice(0, idLength);

/** The place of a single request: it has none. */
export const single = -1;

/** The job of a request id and its place there: `<job id>.<place>`, or the job's own id. */
export function placeOf(id: string): { job: string; place: number } {
  const [, job, place] = /^(.*)\.(0|[1-9]\d{0,2})$/s.exec(id) ?? [];
  return job === undefined ? { job: id, place: single } : { job, place: Number(place) };
}

export function requestId(job: string, place: number): string {
  return place === single ? job : `${job}.${place}`;
}

/** The fingerprints of a job's requests, one behind the other. */
export function fingerprintsOf({ requests }: Pick<Job, 'requests'>): string {
  return requests.map(({ request }) => fingerprintOf(request)).join('');
}

/** The fingerprint of the request at a place, among those of its job. */
export function fingerprintAt(fingerprints: string, place: number): string {
  const from = Math.max(place, 0) * fingerprintLength;
  return fingerprints.slice(from, from + fingerprintLength);
}

/** An outcome as it is stored: without its id (it answers others too), and without its model (stored once for many). */
export function textOf(outcome: Outcome): string {
  return outcome.status === 'done'
    ? JSON.stringify({ status: outcome.status, prediction: outcome.prediction })
    : JSON.stringify({ status: outcome.status, reason: outcome.reason, nearest: outcome.nearest });
}

/** A stored outcome; `model` is undefined where no model was asked. */
export function storedOutcome(text: string, model: ModelRef | undefined, cached: boolean): StoredOutcome {
  return model ? { text, model, cached } : { text, cached };
}

/** An outcome that was given just now, as it is stored; `model` made it unless it names its own. */
export function storedNow(outcome: Outcome, model?: ModelRef): StoredOutcome {
  return storedOutcome(textOf(outcome), ownModel(outcome) ?? model, false);
}

/** The text of a done outcome begins with this: `textOf` puts the status first. */
export const doneStart = '{"status":"done"';

/** Whether a stored outcome is the prediction of this fixture: `textOf` puts its names first and its grid last. */
export function predicts(
  { text }: Pick<StoredOutcome, 'text'>,
  { home, away, league, scoreline = false }: Fixture,
): boolean {
  const names = JSON.stringify({ home, away, league }).slice(0, -1);
  return text.startsWith(`${doneStart},"prediction":${names},`) && text.endsWith(']]}}') === scoreline;
}

/** Whether the request failed. */
export function hasFailed({ text }: Pick<StoredOutcome, 'text'>): boolean {
  return !text.startsWith(doneStart);
}

/** What `find` says of a job. A single one has failed if its request has. A list is done when each request has ended. */
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
  // Redis may have letters of a version that knew no signatures.
  signed: v.optional(v.boolean(), false),
  omitted: v.optional(v.number()),
  event: v.record(v.string(), v.unknown()),
});

/** A claim as it is stored. */
export const ClaimRecord = v.object({ id: v.string(), fingerprint: v.string() });

/** The producer that asked for a job, as it is stored. */
export const AskerRecord = v.object({
  source: v.string(),
  id: v.string(),
  replyTo: v.optional(v.string()),
  correlationid: v.optional(v.string()),
});
