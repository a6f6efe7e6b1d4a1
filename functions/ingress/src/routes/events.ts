import { hash } from 'node:crypto';
import * as v from 'valibot';
import { type Event, EventFault, readEvents } from '../../../shared/events/cloudevents.ts';
import { maxRequests, ownSources, RequestedData, requestedType } from '../../../shared/events/events.ts';
import type { Log } from '../../../shared/log.ts';
import { type Fault, faultsOf, maxFaults, Problem, retryLater } from '../../../shared/http/problem.ts';
import { ledgerId } from '../../../shared/identity.ts';
import type { Asker, Job, Store } from '../../../shared/store/store.ts';
import { parseJson } from '../http/parse-json.ts';
import { admitted } from './attributes.ts';
import type { Publisher } from '../submit/publisher.ts';

/** An event that can be predicted; `pointer` leads to it in the body. */
export type Requested = { event: Event; data: RequestedData; pointer: string };

/** Reads what a producer sent. Throws a `Problem` (400, 415, 422) for all of it when any event could never be predicted. */
export async function readRequested(request: Request): Promise<Requested[]> {
  const events = await readEvents(request, { parse: parseJson, admit: admitted }).catch((error: unknown) => {
    if (error instanceof EventFault) throw new Problem(error.unsupported ? 415 : 400, error.message);
    throw error;
  });
  if (events.length === 0) throw new Problem(422, 'the batch has no events');
  const batch = request.headers.get('content-type')?.startsWith('application/cloudevents-batch') ?? false;
  const faults: Fault[] = [];
  const requested: Requested[] = [];
  for (const [place, event] of events.entries()) {
    if (faults.length > maxFaults) break;
    const at = batch ? `/${place}` : '';
    const data = v.safeParse(RequestedData, event.data);
    if (event.source.startsWith(ownSources))
      faults.push({
        pointer: `${at}/source`,
        detail: `must not begin with ${ownSources}, which names Kickoff's own functions: name your service`,
      });
    else if (event.type !== requestedType)
      faults.push({ pointer: `${at}/type`, detail: `unknown type ${event.type}; known: ${requestedType}` });
    else if (!data.success) faults.push(...faultsOf(data.issues, `${at}/data`));
    else {
      requested.push({ event, data: data.output, pointer: at });
      const ids = new Set<string>();
      for (const [n, { id }] of data.output.requests.entries()) {
        const pointer = `${at}/data/requests/${n}/id`;
        // With a dot, the ledger would look for a list of this request.
        if (id.includes('.')) faults.push({ pointer, detail: 'must be a UUID without a place' });
        // An id has one result.
        if (ids.has(id)) faults.push({ pointer, detail: 'is the id of another request of this event' });
        ids.add(id);
      }
    }
  }
  if (requested.reduce((sum, { data }) => sum + data.requests.length, 0) > maxRequests)
    faults.push({ pointer: '', detail: `must not carry more than ${maxRequests} requests in all` });
  if (faults.length > 0) throw new Problem(422, 'the event cannot be accepted', { faults });
  return requested;
}

/** The answer of POST /v1/events: where the result of each request will be. */
export function eventsAccepted(requested: readonly Requested[]): unknown {
  return {
    accepted: requested.map(({ event: { id, source }, data }) => ({
      id,
      requests: data.requests.map((request) => ({
        id: request.id,
        location: `/v1/predictions/${ledgerId({ source, id: request.id })}`,
      })),
    })),
  };
}

/** Takes a producer's events in: all of them into the ledger, or none, then each to the broker, as it came, with `extensions` of its own. */
export type Forward = (
  requested: readonly (Requested & { extensions: Record<string, string> })[],
) => Promise<void>;

/**
 * A producer is promised a `completed` event of its own. So the cache does not answer its requests, and they do not join others: they are
 * accepted under a digest of the event's name, not the model's. Open requests are published again when the event comes again. Throws a `Problem` 409
 * where one of the ids was given to something else.
 */
export function createForward({
  store,
  publisher,
  publishDeadlineMs,
  log,
  now = Date.now,
}: {
  store: Pick<Store, 'accept'>;
  publisher: Pick<Publisher, 'publish'>;
  publishDeadlineMs: number;
  log: Log;
  now?: () => number;
}): Forward {
  return async (requested) => {
    const jobs = requested.flatMap(({ event, data, pointer }) => {
      const { source, correlationid } = event;
      const digest = hash('sha256', `${source} ${event.id}`);
      return data.requests.map((request, place) => {
        const id = ledgerId({ source, id: request.id });
        const asker: Asker = {
          ...{ source, id: request.id },
          ...(data.replyTo === undefined ? {} : { replyTo: data.replyTo }),
          ...(typeof correlationid === 'string' ? { correlationid } : {}),
        };
        const requests = [{ request: { ...request, id }, digest }];
        const job: Job = { id, list: false, requests, asker, keep: true };
        return { job, event, pointer: `${pointer}/data/requests/${place}/id` };
      });
    });
    const accepted = await store.accept(
      jobs.map(({ job }) => job),
      { digest: '', now: now(), together: true },
    );
    const faults = jobs.flatMap(({ job, pointer }, n): Fault[] => {
      if (!accepted[n]?.conflict) return [];
      return [
        {
          pointer,
          detail: `${job.asker?.id ?? ''} is the id of another request of this source: make a new one`,
        },
      ];
    });
    if (faults.length > 0) throw new Problem(409, 'an id was given to another request', { faults });
    const open = new Set(
      jobs.flatMap(({ event }, n) => (accepted[n]?.outcomes[0] === undefined ? [event] : [])),
    );
    for (const { event, data, extensions } of requested) {
      if (!open.has(event)) continue;
      try {
        await publisher.publish(event.cloneWith({ ...extensions, data }), publishDeadlineMs);
      } catch (error) {
        log.warn('an event is not published', { id: event.id, source: event.source, error });
        throw retryLater('the broker did not confirm the event; send it again');
      }
    }
  };
}
