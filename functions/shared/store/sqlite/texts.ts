import * as v from 'valibot';
import { cacheKey, type fixtureText, PredictionRequest } from '../../prediction.ts';
import type { Job } from '../store.ts';
import { AskerRecord, placeOf, single } from '../rules.ts';

/** The key under which a prediction is found again. A quarter of the digest tells versions apart. */
export function predictionKey(digest: string, fixture: Parameters<typeof fixtureText>[0]): string {
  return cacheKey(digest.slice(0, 16), fixture);
}

/** What the history looks for: the match, in any league. */
export function matchKey(home: string, away: string): string {
  return `${home}\t${away}`;
}

/** 32 bits of a text (FNV-1a, of its UTF-16 units): rows are found by it, and then told apart by the text. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Requests with the same key get the same answer. `kickoff` decides whether there is one, so the key holds it. */
export function flightKey(digest: string, request: PredictionRequest): string {
  return `${predictionKey(digest, request)}\u001f${request.kickoff ?? ''}`;
}

const StoredJob = v.object({
  id: v.string(),
  list: v.boolean(),
  requests: v.array(v.object({ request: PredictionRequest })),
  replyTo: v.exactOptional(v.string()),
  asker: v.exactOptional(AskerRecord),
});

/** The text to publish a job again: the job, with its requests that were open when it was accepted. */
export function jobText(job: Job, open: readonly PredictionRequest[]): string {
  const { id, list, replyTo, asker } = job;
  return JSON.stringify({ id, list, replyTo, asker, requests: open.map((request) => ({ request })) });
}

/** The job of a `jobText`, with only the requests whose place `isOpen`. */
export function jobOf(text: string, isOpen: (place: number) => boolean): Job {
  const job = v.parse(StoredJob, JSON.parse(text));
  const place = (id: string): number => (job.list ? placeOf(id).place : single);
  return { ...job, requests: job.requests.filter(({ request }) => isOpen(place(request.id))) };
}
