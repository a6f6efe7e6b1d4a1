import * as v from 'valibot';
import type { ModelRef } from './prediction.ts';
import { cacheKey, Outcome, PredictionRequest } from './prediction.ts';
import type { Job, StoredOutcome } from './store.ts';

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

/** Requests with the same key get the same answer; `kickoff` decides whether there is one, so it belongs to it. */
export function flightKey(digest: string, request: PredictionRequest): string {
  return `${cacheKey(digest, request)}\u001f${request.kickoff ?? ''}`;
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

/** Whether the request failed. `textOf` puts the status first. */
export function hasFailed({ text }: Pick<StoredOutcome, 'text'>): boolean {
  return !text.startsWith('{"status":"done"');
}

/** The outcome of a stored one, for the request `id`. */
export function readOutcome(id: string, { text }: Pick<StoredOutcome, 'text'>): Outcome {
  return v.parse(Outcome, { ...v.parse(v.looseObject({}), JSON.parse(text)), id });
}

const StoredJob = v.object({
  id: v.string(),
  list: v.boolean(),
  requests: v.array(v.object({ request: PredictionRequest })),
  replyTo: v.exactOptional(v.string()),
  extensions: v.exactOptional(v.record(v.string(), v.string())),
});

/** What is needed to publish a job again: it, with those of its requests that were open when it was accepted. */
export function jobText(job: Job, open: readonly PredictionRequest[]): string {
  const { id, list, replyTo, extensions } = job;
  return JSON.stringify({ id, list, replyTo, extensions, requests: open.map((request) => ({ request })) });
}

/** The job of a `jobText`, with those of its requests that `isOpen` by their place. */
export function jobOf(text: string, isOpen: (place: number) => boolean): Job {
  const job = v.parse(StoredJob, JSON.parse(text));
  const place = (id: string): number => (job.list ? placeOf(id).place : single);
  return { ...job, requests: job.requests.filter(({ request }) => isOpen(place(request.id))) };
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
