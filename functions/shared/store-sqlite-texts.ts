import * as v from 'valibot';
import { cacheKey, PredictionRequest } from './prediction.ts';
import type { Job } from './store.ts';
import { placeOf, single } from './store-rules.ts';

/** Requests with the same key get the same answer; `kickoff` decides whether there is one, so it belongs to it. */
export function flightKey(digest: string, request: PredictionRequest): string {
  return `${cacheKey(digest, request)}\u001f${request.kickoff ?? ''}`;
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
