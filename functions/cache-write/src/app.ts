import { Hono } from 'hono';
import * as v from 'valibot';
import { type Event, noReply } from '../../shared/events/cloudevents.ts';
import {
  CompletedData,
  completedType,
  maxRequests,
  requestedType,
  ShadowedData,
  shadowedType,
  sweepExtension,
} from '../../shared/events/events.ts';
import { createReceiver } from '../../shared/events/receive.ts';
import { signedEvent } from '../../shared/events/signature.ts';
import type { Keys } from '../../shared/events/signing-keys.ts';
import { newId } from '../../shared/id.ts';
import { ledgerId } from '../../shared/identity.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { type ModelRef, type Outcome, type Prediction, registered } from '../../shared/prediction.ts';
import { problemResponse, retryLater } from '../../shared/http/problem.ts';
import { type Store, StoreUnavailable } from '../../shared/store/store.ts';
import { groupsOf } from './groups.ts';
import { letterOf } from './letter.ts';

/** The verbs of the store that cache-write needs. */
export type CacheWriteStore = Pick<Store, 'complete' | 'overdue' | 'lastGood'> & {
  deadLetters: Pick<Store['deadLetters'], 'add'>;
  history: Pick<Store['history'], 'add' | 'shadow'>;
};

/** A tick that comes sooner than this behind another one, in ms, changes nothing. */
const tickMs = 1000;

const publishDeadlineMs = 5000;

/** How often, in ms, the version that answers is written down while it stays the same: another replica may have written another one. */
const sameGoodMs = 10_000;

/**
 * The cache-write function: stores `completed` events once, publishes overdue requests again at each tick, keeps dead letters. 503 when the store
 * is away. What can never be stored is answered with an event that says why: a 4xx would be dropped without a trace.
 */
export function createApp({
  store,
  publish,
  keys,
  log,
  metrics,
  now = Date.now,
}: {
  store: CacheWriteStore;
  /** Hands an event to the Broker. */
  publish: (event: Event, deadlineMs: number) => Promise<void>;
  keys: Keys;
  log: Log;
  metrics: Metrics;
  now?: () => number;
}): Hono {
  const app = new Hono();

  const { receive, receiveOurs, unreadable } = createReceiver({
    ...{ source: '/kickoff/cache-write', keys, log, metrics },
  });
  let lastTick = -Infinity;
  let good = { text: '', at: -Infinity };

  async function keepGood(answering: ModelRef): Promise<void> {
    const model = registered(answering);
    const text = JSON.stringify(model);
    if (good.text === text && Math.abs(now() - good.at) < sameGoodMs) return;
    await store.lastGood.keep(model);
    good = { text, at: now() };
  }

  /**
   * Publishes what is overdue, if anything is. It is no answer to the tick: whoever sent that would get what others asked. Each request carries what
   * comes back to its own asker, so an event has those of many, and nothing that one of them sent keeps it from being delivered. What finds no
   * room follows when the first event is answered.
   */
  async function sweep(): Promise<void> {
    const jobs = await store.overdue({ now: now(), limit: maxRequests });
    if (jobs.length === 0) return;
    const groups = groupsOf(jobs);
    const count = groups.flat().length;
    metrics.count('kickoff_republished_total', {}, count);
    log.warn('requests are overdue: published again', { requests: count, jobs: jobs.length });
    for (const [n, requests] of groups.entries()) {
      const requested = signedEvent(
        {
          id: newId(),
          source: '/kickoff/cache-write',
          type: requestedType,
          extensions: n === 0 ? sweepExtension : {},
          data: { requests },
        },
        keys,
      );
      await publish(requested, publishDeadlineMs);
    }
  }

  app.post('/', async (c) => {
    const received = await receiveOurs(c.req.raw);
    if ('refused' in received) return received.refused;
    const { event: completed } = received;
    const { type, source, id } = completed;
    const data = v.safeParse(CompletedData, completed.data);
    if (type !== completedType || !data.success)
      return unreadable(completed, 'no completed event that can be stored');
    const { model, replyTo } = data.output;
    const outcomes = data.output.outcomes.map((answer) =>
      answer.source === undefined ? answer : { ...answer, id: ledgerId(answer) },
    );
    const { stored, duplicates, conflicts } = await store.complete({
      model,
      outcomes,
      ...(replyTo === undefined ? {} : { replyTo }),
      now: now(),
    });
    // After the results: nobody waits for the history.
    const others = new Set(conflicts);
    for (const [ref, predictions] of byModel(
      model,
      outcomes.filter((outcome) => !others.has(outcome.id)),
    ))
      await store.history.add({ model: ref, predictions, now: now() });
    await keepGood(model);
    metrics.count('kickoff_stored_total', {}, stored);
    metrics.count('kickoff_duplicates_total', {}, duplicates);
    metrics.count('kickoff_conflicts_total', {}, conflicts.length);
    if (conflicts.length > 0)
      log.warn('outcomes are not stored: something else was asked under their ids', {
        ...{ source, id, outcomes: conflicts.length, first: conflicts[0] },
      });
    if (completed['sweep'] === sweepExtension.sweep) await sweep();
    return noReply();
  });

  app.post('/shadows', async (c) => {
    const received = await receiveOurs(c.req.raw);
    if ('refused' in received) return received.refused;
    const { event: shadowed } = received;
    const data = v.safeParse(ShadowedData, shadowed.data);
    if (shadowed.type !== shadowedType || !data.success)
      return unreadable(shadowed, 'no shadowed event that can be kept');
    await store.history.shadow({ ...data.output, now: now() });
    return noReply();
  });

  // The tick of a PingSource. It cannot be signed, so anybody may send one: more of them than are of use cost nothing.
  app.post('/sweep', async () => {
    const since = now() - lastTick;
    // Below zero where the clock was set back.
    if (since >= 0 && since < tickMs) return noReply();
    lastTick = now();
    await sweep();
    return noReply();
  });

  // Letters come from the dispatcher, which signs nothing: of each is kept whether the event in it is ours.
  app.post('/dead-letters', async (c) => {
    const received = await receive(c.req.raw);
    if ('refused' in received) return received.refused;
    const { source, type, id: event } = received.event;
    const letter = letterOf(received, now());
    if (!letter) return unreadable(received.event, 'the attributes of a dead letter are too large to keep');
    const { dropped } = await store.deadLetters.add(letter);
    metrics.count('kickoff_dead_letters_total');
    metrics.count('kickoff_dead_letters_dropped_total', {}, dropped);
    const { id, destination, code, signed } = letter;
    log.warn('dead letter', { id, type, source, event, destination, code, signed });
    return noReply();
  });

  app.onError((error) => {
    log.error('cannot store now', { error });
    const why =
      error instanceof StoreUnavailable ? 'the store does not answer' : 'storing or publishing failed';
    return problemResponse(retryLater(`${why}; try again`));
  });
  return app;
}

/** The predictions of an event by the model that made them: canary outcomes name the challenger. */
function byModel(model: ModelRef, outcomes: readonly Outcome[]): Map<ModelRef, Prediction[]> {
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
