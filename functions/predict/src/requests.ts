import * as v from 'valibot';
import type { Event } from '../../shared/events/cloudevents.ts';
import { maxRequests, RequestedData } from '../../shared/events/events.ts';
import { fingerprintOf, unreadable } from '../../shared/fingerprint.ts';
import type { Log } from '../../shared/log.ts';
import {
  type Answer,
  AskerOfOurs,
  OurRequest,
  type Outcome,
  PredictionRequest,
} from '../../shared/prediction.ts';

const Envelope = v.object({
  requests: v.pipe(v.array(v.unknown()), v.minLength(1)),
  replyTo: v.optional(v.unknown()),
});
const Id = v.object({ id: PredictionRequest.entries.id });
const OurId = v.object({ ...Id.entries, ...AskerOfOurs.entries });

/** What an event asks: the requests that can be read, with their fingerprints, and the answers of those that cannot, but have an id. */
export type Asked = {
  requests: OurRequest[];
  fingerprints: string[];
  failed: Answer[];
  replyTo?: string | undefined;
};

/**
 * Reads the requests of an event. One of `ours` says with each who asked; any other is itself from who asks (`source`). What cannot be read fails alone.
 * There is one result under an id, so the second request of an event under it is dropped.
 */
export function readRequests(event: Event, ours: boolean, log: Pick<Log, 'error'>): Asked {
  const { source, id } = event;
  const asked: Asked = { requests: [], fingerprints: [], failed: [] };
  const envelope = v.safeParse(Envelope, event.data);
  if (!envelope.success || !v.is(AskerOfOurs, { source })) {
    const why = envelope.success ? 'the source is too long' : 'the data has no requests';
    log.error(`dropped: ${why}`, { source: source.slice(0, 200), id });
    return asked;
  }
  const replyTo = v.safeParse(RequestedData.entries.replyTo, envelope.output.replyTo);
  if (!replyTo.success)
    log.error('an event has a replyTo that cannot be handed back', {
      source,
      id,
      reason: replyTo.issues[0].message,
    });
  else asked.replyTo = replyTo.output;
  if (envelope.output.requests.length > maxRequests)
    log.error(`an event carries more than ${maxRequests} requests: the rest is dropped`, { source, id });

  const first = new Map<string, string>();
  function isFirst(request: v.InferOutput<typeof OurId>, fingerprint: string): boolean {
    const key = `${request.source ?? ''}\n${request.id}`;
    const before = first.get(key);
    if (before === undefined) first.set(key, fingerprint);
    else if (before !== fingerprint)
      log.error('dropped: a request with the id of another one of the event', {
        source,
        id,
        request: request.id,
      });
    return before === undefined;
  }
  const asker = ours ? {} : { source };
  for (const given of envelope.output.requests.slice(0, maxRequests)) {
    const read = v.safeParse(ours ? OurRequest : PredictionRequest, given);
    if (read.success) {
      const request = { ...read.output, ...asker };
      const fingerprint = fingerprintOf(request);
      if (!isFirst(request, fingerprint)) continue;
      asked.requests.push(request);
      asked.fingerprints.push(fingerprint);
      continue;
    }
    const reason = read.issues
      .map((issue) => `${v.getDotPath(issue) ?? 'request'}: ${issue.message}`)
      .join('; ');
    const identified = v.safeParse(ours ? OurId : Id, given);
    if (!identified.success) {
      log.error('dropped: a request without a readable id', { source, id, reason });
      continue;
    }
    const request = { ...identified.output, ...asker };
    if (isFirst(request, unreadable))
      asked.failed.push({ ...request, fingerprint: unreadable, status: 'failed', reason });
  }
  return asked;
}

/** The outcomes of the requests, in their order, as answers to who asked them. */
export function answersOf({ requests, fingerprints, failed }: Asked, outcomes: readonly Outcome[]): Answer[] {
  const answers = outcomes.map((outcome, n): Answer => {
    const answer = { ...outcome, fingerprint: fingerprints[n] ?? unreadable };
    const { source, replyTo, correlationid } = requests[n] ?? {};
    return source === undefined ? answer : { ...answer, source, replyTo, correlationid };
  });
  return [...answers, ...failed];
}
