import { Hono } from 'hono';
import { v5 } from 'uuid';
import * as v from 'valibot';
import {
  binaryMessage,
  createEvent,
  EventFault,
  extensionsOf,
  readEvent,
} from '../../shared/events/cloudevents.ts';
import type { Challenger } from '../../shared/model/challenger.ts';
import {
  CompletedData,
  completedType,
  requestedType,
  shadowedType,
  shadowExtension,
  travelling,
} from '../../shared/events/events.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { problemResponse, retryLater } from '../../shared/http/problem.ts';
import { answerCanaries } from './canary.ts';
import type { Following, Loaded } from './loaded.ts';
import { predict } from './predict.ts';
import { answersOf, readRequests } from './requests.ts';
import { shadow } from './shadow.ts';

// Twins of an event have the same answer with the same id, so that whoever stores it knows it again.
const namespace = 'a3c1d2e4-5b6f-5a7b-8c9d-0e1f2a3b4c5d';

/**
 * The predict function: a `requested` event in, a `completed` event out. `model()` is undefined while none is loaded. Nothing is answered with
 * 4xx: the Broker's dispatcher would take it for success and drop the event.
 */
export function createApp({
  model,
  challenger,
  alias,
  log,
  metrics,
}: {
  model: () => Following | undefined;
  challenger?: Pick<Challenger<Loaded>, 'model' | 'percent' | 'refresh'>;
  alias: string;
  log: Log;
  metrics: Metrics;
}): Hono {
  const app = new Hono();

  app.get('/v1/model', () => {
    const following = model();
    if (!following) return notLoaded();
    const { ref, loadedSince, value } = following.current();
    const card = v.safeParse(v.object({ metrics: v.unknown() }), value.card);
    const metrics = card.success ? card.output.metrics : null;
    return Response.json({ ...ref, stale: ref.stale ?? false, alias, loadedSince, metrics });
  });

  // Asked by ingress when the registry's webhook says that an alias has moved.
  app.post('/v1/model/refresh', async () => {
    const following = model();
    if (!following) return notLoaded();
    await Promise.all([following.refresh(), challenger?.refresh()]);
    return Response.json(following.current().ref);
  });

  app.post('/', async (c) => {
    const following = model();
    if (!following) return notLoaded();
    const event = await readEvent(c.req.raw).catch((error: unknown) => {
      if (!(error instanceof EventFault)) throw error;
      log.error('dropped: not a CloudEvent', { error });
      return undefined;
    });
    if (!event) return nothingToSay();
    if (event.type !== requestedType) {
      log.error('dropped: not for predict', { type: event.type, source: event.source, id: event.id });
      return nothingToSay();
    }
    const ours = event.source.startsWith('/kickoff/');
    const asked = readRequests(event, ours, log);
    const { requests, failed, replyTo } = asked;
    if (requests.length + failed.length === 0) return nothingToSay();
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
    const completed = createEvent({
      id: v5(`${event.source}\n${event.id}`, namespace),
      source: '/kickoff/predict',
      type: completedType,
      extensions: { ...extensionsOf(event, travelling), ...(shadowed ? shadowExtension : {}) },
      data: { model: ref, outcomes, ...(replyTo === undefined ? {} : { replyTo }) },
    });
    const { headers, body } = binaryMessage(completed);
    return new Response(body, { headers });
  });

  // A completed event that the Broker brings back, behind its answer: what the challenger says is for nobody who waits.
  app.post('/challenger', async (c) => {
    const following = model();
    if (!following || !challenger) return notLoaded();
    const event = await readEvent(c.req.raw).catch(() => undefined);
    const data = v.safeParse(CompletedData, event?.data);
    if (event?.type !== completedType || !data.success) {
      log.error('dropped: no completed event', { type: event?.type, id: event?.id });
      return nothingToSay();
    }
    // A process that has just started may not have met it.
    if (!challenger.model()) await challenger.refresh();
    const shadowed = await shadow(data.output, following, challenger);
    if (!shadowed) return nothingToSay();
    const { headers, body } = binaryMessage(
      createEvent({
        id: v5(`${event.source}\n${event.id}`, namespace),
        source: '/kickoff/predict',
        type: shadowedType,
        extensions: extensionsOf(event, travelling),
        data: shadowed,
      }),
    );
    return new Response(body, { headers });
  });

  app.onError((error) => {
    log.error('cannot predict now', { error });
    return problemResponse(retryLater('the prediction failed; try again'));
  });
  return app;
}

const notLoaded = (): Response => problemResponse(retryLater('the model is being loaded'));
const nothingToSay = (): Response => new Response(null, { status: 202 });
