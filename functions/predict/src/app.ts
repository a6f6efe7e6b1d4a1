import { Hono } from 'hono';
import { v5 } from 'uuid';
import * as v from 'valibot';
import { eventResponse, extensionsOf, noReply } from '../../shared/events/cloudevents.ts';
import type { Challenger } from '../../shared/model/challenger.ts';
import {
  CompletedData,
  completedType,
  ownSources,
  RefreshData,
  refreshType,
  requestedType,
  shadowedType,
  shadowExtension,
  travelling,
  travellingOfOurs,
} from '../../shared/events/events.ts';
import { createReceiver } from '../../shared/events/receive.ts';
import { signedEvent } from '../../shared/events/signature.ts';
import type { Keys } from '../../shared/events/signing-keys.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { Problem, problemResponse, retryLater } from '../../shared/http/problem.ts';
import { answerCanaries } from './canary.ts';
import type { Following, Loaded } from './loaded.ts';
import { predict } from './predict.ts';
import { answersOf, readRequests } from './requests.ts';
import { shadow } from './shadow.ts';

// Twins of an event get the same answer with the same id: whoever stores it recognises it.
const namespace = 'a3c1d2e4-5b6f-5a7b-8c9d-0e1f2a3b4c5d';

/** The longest that an order to look at the alias is valid, in ms: what is recorded cannot be sent again later. */
const refreshFreshMs = 300_000;

/**
 * The predict function: a `requested` event in, a `completed` event out. `model()` is undefined until one is loaded. It never answers 4xx: the
 * Broker's dispatcher would take it for success and drop the event.
 */
export function createApp({
  model,
  challenger,
  alias,
  keys,
  log,
  metrics,
  now = Date.now,
}: {
  model: () => Following | undefined;
  challenger?: Pick<Challenger<Loaded>, 'model' | 'percent' | 'refresh'>;
  alias: string;
  keys: Keys;
  log: Log;
  metrics: Metrics;
  now?: () => number;
}): Hono {
  const app = new Hono();
  const { receive, receiveOurs, refuse, unreadable } = createReceiver({
    ...{ source: '/kickoff/predict', keys, log, metrics },
  });

  app.get('/v1/model', () => {
    const following = model();
    if (!following) return notLoaded();
    const { ref, loadedSince, refusal, value } = following.current();
    const card = v.safeParse(v.object({ metrics: v.unknown() }), value.card);
    const metrics = card.success ? card.output.metrics : null;
    return Response.json({
      ...{ ...ref, stale: ref.stale ?? false, refusedReason: refusal?.reason, alias, loadedSince, metrics },
    });
  });

  // Ingress asks this when the registry's webhook says that an alias has moved.
  app.post('/v1/model/refresh', async (c) => {
    const received = await receiveOurs(c.req.raw);
    const event = 'event' in received ? received.event : undefined;
    const data = v.safeParse(RefreshData, event?.data);
    if (event?.type !== refreshType || !data.success)
      return problemResponse(
        new Problem(401, `this takes only an event ${refreshType} that ingress has signed`),
      );
    if (Math.abs(now() - Date.parse(data.output.time)) > refreshFreshMs)
      return problemResponse(new Problem(401, `it was signed more than ${refreshFreshMs / 1000} s ago`));
    const following = model();
    if (!following) return notLoaded();
    await Promise.all([following.retry(), challenger?.refresh()]);
    return Response.json(following.current().ref);
  });

  app.post('/', async (c) => {
    const following = model();
    if (!following) return notLoaded();
    const received = await receive(c.req.raw);
    if ('refused' in received) return received.refused;
    const { event, verdict } = received;
    if (event.type !== requestedType) return unreadable(event, `predict takes ${requestedType} only`);
    const ours = verdict === 'ours';
    // What is not ours a producer asks, under a name of its own.
    if (!ours && event.source.startsWith(ownSources)) return refuse(received);
    const asked = readRequests(event, ours, log);
    const { requests, failed, replyTo } = asked;
    if (requests.length + failed.length === 0)
      return unreadable(event, asked.fault ?? 'the data has no requests');
    const start = performance.now();
    const { ref, made } = await following.use(async (loaded, { ref }) => ({
      ref,
      made: await predict(loaded, requests),
    }));
    const other = challenger?.model();
    const answered = await answerCanaries(made, requests, other, challenger?.percent() ?? 0);
    const outcomes = answersOf(asked, answered);
    const shadowed = other !== undefined && other.current().ref.digest !== ref.digest;
    metrics.observe('kickoff_inference_seconds', (performance.now() - start) / 1000);
    for (const { status } of outcomes) metrics.count('kickoff_outcomes_total', { status });
    const carried = extensionsOf(event, ours ? travellingOfOurs : travelling);
    const completed = signedEvent(
      {
        id: v5(`${event.source}\n${event.id}`, namespace),
        source: '/kickoff/predict',
        type: completedType,
        extensions: { ...carried, ...(shadowed ? shadowExtension : {}) },
        data: { model: ref, outcomes, ...(replyTo === undefined ? {} : { replyTo }) },
      },
      keys,
    );
    return eventResponse(completed);
  });

  // A completed event that the Broker brings back after its answer: nobody waits for what the challenger says.
  app.post('/challenger', async (c) => {
    const following = model();
    if (!following || !challenger) return notLoaded();
    const received = await receiveOurs(c.req.raw);
    if ('refused' in received) return received.refused;
    const { event } = received;
    const data = v.safeParse(CompletedData, event.data);
    if (event.type !== completedType || !data.success)
      return unreadable(event, 'no completed event that the challenger can predict again');
    // A process that has just started may not know the challenger yet.
    if (!challenger.model()) await challenger.refresh();
    const shadowed = await shadow(data.output, following, challenger);
    if (!shadowed) return noReply();
    return eventResponse(
      signedEvent(
        {
          id: v5(`${event.source}\n${event.id}`, namespace),
          source: '/kickoff/predict',
          type: shadowedType,
          extensions: extensionsOf(event, travelling),
          data: shadowed,
        },
        keys,
      ),
    );
  });

  app.onError((error) => {
    log.error('cannot predict now', { error });
    return problemResponse(retryLater('the prediction failed; try again'));
  });
  return app;
}

const notLoaded = (): Response => problemResponse(retryLater('the model is being loaded'));
