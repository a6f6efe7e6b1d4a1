import { Hono } from 'hono';
import { v5 } from 'uuid';
import * as v from 'valibot';
import {
  binaryMessage,
  createEvent,
  type Event,
  EventFault,
  extensionsOf,
  readEvent,
} from '../../shared/events/cloudevents.ts';
import {
  CompletedData,
  completedType,
  maxRequests,
  requestedType,
  ShadowedData,
  shadowedType,
  sweepExtension,
} from '../../shared/events/events.ts';
import { newId } from '../../shared/id.ts';
import { ledgerId } from '../../shared/identity.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { ModelRef, OurRequest, Prediction } from '../../shared/prediction.ts';
import { problemResponse, retryLater } from '../../shared/http/problem.ts';
import { type Store, StoreUnavailable } from '../../shared/store/store.ts';

/** The verbs of the store that cache-write needs. */
export type CacheWriteStore = Pick<Store, 'complete' | 'overdue'> & {
  deadLetters: Pick<Store['deadLetters'], 'add'>;
  history: Pick<Store['history'], 'add' | 'shadow'>;
};

// The same letter that comes twice has the same id. An event's id is its source's alone, and one event may fail at two destinations.
const namespace = '6b0f4c1e-92d7-5e3a-8f54-7c2d19e0a8b6';

const accepted = (): Response => new Response(null, { status: 202 });

/**
 * The cache-write function: stores `completed` events once, publishes what is overdue again when a tick comes, keeps dead letters. 503 when the
 * store is away; what can never be stored is logged and answered 202, since a 4xx would be dropped without a trace.
 */
export function createApp({
  store,
  log,
  metrics,
  now = Date.now,
}: {
  store: CacheWriteStore;
  log: Log;
  metrics: Metrics;
  now?: () => number;
}): Hono {
  const app = new Hono();

  async function event(request: Request): Promise<Event | undefined> {
    try {
      return await readEvent(request);
    } catch (error) {
      if (!(error instanceof EventFault)) throw error;
      log.error('dropped: not a CloudEvent', { error });
      return undefined;
    }
  }

  /**
   * An event of what is overdue, if anything is. A tick has one answer, so each request in it carries what comes back to its own asker: nothing
   * that one of them sent keeps those of others out. What finds no room follows when this one is answered.
   */
  async function sweep(): Promise<Response> {
    const jobs = await store.overdue({ now: now(), limit: maxRequests });
    const requests = jobs.flatMap(({ asker, requests }) =>
      requests.map(({ request }): OurRequest => ({ ...request, ...asker })),
    );
    if (requests.length === 0) return accepted();
    metrics.count('kickoff_republished_total', {}, requests.length);
    log.warn('requests are overdue: published again', { requests: requests.length, jobs: jobs.length });
    const requested = createEvent({
      id: newId(),
      source: '/kickoff/cache-write',
      type: requestedType,
      extensions: sweepExtension,
      data: { requests },
    });
    const { headers, body } = binaryMessage(requested);
    return new Response(body, { headers });
  }

  app.post('/', async (c) => {
    const completed = await event(c.req.raw);
    if (!completed) return accepted();
    const { type, source, id } = completed;
    const data = v.safeParse(CompletedData, completed.data);
    if (type !== completedType || !data.success) {
      log.error('dropped: no completed event that can be stored', { type, source, id });
      return accepted();
    }
    const { model, replyTo } = data.output;
    const outcomes = data.output.outcomes.map((answer) => ({ ...answer, id: ledgerId(answer) }));
    const { stored, duplicates, conflicts } = await store.complete({
      model,
      outcomes,
      ...(replyTo === undefined ? {} : { replyTo }),
      now: now(),
    });
    // Behind the results: nobody waits for it.
    for (const [ref, predictions] of byModel(data.output))
      await store.history.add({ model: ref, predictions, now: now() });
    metrics.count('kickoff_stored_total', {}, stored);
    metrics.count('kickoff_duplicates_total', {}, duplicates);
    metrics.count('kickoff_conflicts_total', {}, conflicts.length);
    if (conflicts.length > 0)
      log.warn('outcomes are not stored: something else was asked under their ids', {
        ...{ source, id, outcomes: conflicts.length, first: conflicts[0] },
      });
    return completed['sweep'] === sweepExtension.sweep ? sweep() : accepted();
  });

  app.post('/shadows', async (c) => {
    const shadowed = await event(c.req.raw);
    if (!shadowed) return accepted();
    const { type, source, id } = shadowed;
    const data = v.safeParse(ShadowedData, shadowed.data);
    if (type !== shadowedType || !data.success)
      log.error('dropped: no shadowed event that can be kept', { type, source, id });
    else await store.history.shadow({ ...data.output, now: now() });
    return accepted();
  });

  // The tick of a PingSource: what it says does not matter.
  app.post('/sweep', sweep);

  app.post('/dead-letters', async (c) => {
    const letter = await event(c.req.raw);
    if (!letter) return accepted();
    const { knativeerrordest: destination = 'unknown', knativeerrorcode: code } = extensionsOf(letter, [
      'knativeerrordest',
      'knativeerrorcode',
    ]);
    const { source, type } = letter;
    const id = v5(`${source}\n${letter.id}\n${destination}`, namespace);
    await store.deadLetters.add({
      id,
      time: new Date(now()).toISOString(),
      destination,
      code: Number(code ?? 0) || 0,
      attempts: 1,
      event: letter.toJSON(),
    });
    metrics.count('kickoff_dead_letters_total');
    log.warn('dead letter', { id, type, source, event: letter.id, destination, code });
    return accepted();
  });

  app.onError((error) => {
    log.error('cannot store now', { error });
    const why = error instanceof StoreUnavailable ? 'the store does not answer' : 'storing failed';
    return problemResponse(retryLater(`${why}; try again`));
  });
  return app;
}

/** The predictions of an event by the model that made them: a challenger's canaries name it. */
function byModel({ model, outcomes }: CompletedData): Map<ModelRef, Prediction[]> {
  const refs = new Map([[model.digest, model]]);
  const made = new Map<ModelRef, Prediction[]>();
  for (const outcome of outcomes) {
    if (outcome.status !== 'done') continue;
    const own = outcome.model ?? model;
    const ref = refs.get(own.digest) ?? own;
    refs.set(own.digest, ref);
    const predictions = made.get(ref);
    if (predictions) predictions.push(outcome.prediction);
    else made.set(ref, [outcome.prediction]);
  }
  return made;
}
