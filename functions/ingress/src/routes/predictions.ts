import type { Context } from 'hono';
import { newId } from '../../../shared/id.ts';
import { cacheKey, type Fixture } from '../../../shared/prediction.ts';
import { Problem } from '../../../shared/http/problem.ts';
import type { Job, Store, StoredOutcome } from '../../../shared/store/store.ts';
import { storedNow } from '../../../shared/store/rules.ts';
import { continueTrace } from '../../../shared/events/trace.ts';
import { jobAnswer } from '../http/answers.ts';
import { readJson } from '../http/body.ts';
import { callerOf } from '../http/caller.ts';
import type { Present } from '../catalog.ts';
import { type Asked, failedOutcome, readFixtures } from '../http/fixtures.ts';
import { type HttpAnswer, json, jsonText } from '../http/answer.ts';
import { claimedId } from '../http/idempotency.ts';
import { type Preference, readPrefer } from '../http/prefer.ts';
import type { Recent } from '../submit/recent.ts';
import { eventStream, states } from '../http/stream.ts';
import type { Submit } from '../submit/submit.ts';
import type { Waiting } from '../submit/waiting.ts';

/** The most bytes of a body. */
export const bodyLimit = 2 ** 20;

export type PredictionParts = {
  store: Pick<Store, 'claim' | 'find'>;
  catalog: Present;
  recent: Pick<Recent, 'find'>;
  waiting: Pick<Waiting, 'open' | 'hurried'>;
  submit: Submit;
  /** The digest of the challenger, for a fixture that it answers. */
  canaryDigest: (fixture: Fixture) => string | undefined;
  /** The version that the alias names, while it cannot be loaded. */
  refusedVersion: () => string | undefined;
  replyTo: string;
  defaultWaitMs: number;
};

/** POST /v1/predictions: a fixture or a list in; 200 with the outcomes, or 202 with the place where they will be. */
export async function postPrediction(c: Context, parts: PredictionParts): Promise<HttpAnswer> {
  const { headers } = c.req.raw;
  const body = await readJson(c.req.raw, bodyLimit);
  const { ref, value } = parts.catalog.current();
  const asked = readFixtures(body, value.teams);
  const prefer = readPrefer(headers.get('prefer'), parts.defaultWaitMs);
  const key = headers.get('idempotency-key');
  if (key === null && !prefer.async) {
    const cached = fromRecent(asked, parts.recent, (fixture) => parts.canaryDigest(fixture) ?? ref.digest);
    if (cached) return done(jobAnswer(newId(), asked.list, cached, ref).json, prefer);
  }
  const fresh = newId();
  const id =
    key === null
      ? fresh
      : await claimedId(parts.store, { caller: callerOf(headers), key }, { id: fresh, asked });
  const job: Job = {
    id,
    list: asked.list,
    requests: asked.fixtures.map((each, place) => {
      const request = asked.list ? `${id}.${place}` : id;
      if ('fixture' in each) return { request: { ...each.fixture, id: request } };
      return { request: { ...each.given, id: request }, outcome: failedOutcome(request, each.fault) };
    }),
    replyTo: parts.replyTo,
    keep: key !== null || prefer.async,
  };
  const { signal } = c.req.raw;
  const outcomes = await parts.submit(job, {
    ...{ waitMs: prefer.waitMs, signal },
    trace: continueTrace(headers),
  });
  const answer = jobAnswer(id, asked.list, outcomes, parts.catalog.current().ref);
  // Also without a wait: an answer that came whole from the cache may be stored nowhere.
  if (!answer.queued && (prefer.waitMs > 0 || !prefer.async)) return done(answer.json, prefer);
  return json(
    { id, status: 'queued' },
    {
      status: 202,
      headers: {
        location: `/v1/predictions/${id}`,
        'retry-after': '1',
        ...(prefer.applied === undefined ? {} : { 'preference-applied': prefer.applied }),
      },
    },
  );
}

/** GET /v1/predictions/{id}: the state of a job. */
export async function getPrediction(
  id: string,
  { store }: Pick<PredictionParts, 'store'>,
): Promise<HttpAnswer> {
  const { list, outcomes } = await found(id, store);
  const { queued, json: text } = jobAnswer(id, list, outcomes);
  return jsonText(text, queued ? { headers: { 'retry-after': '1' } } : {});
}

/** GET /v1/predictions/{id}/events: the same as server-sent events, to the end. */
export async function streamPrediction(
  c: Context,
  id: string,
  { store, waiting }: Pick<PredictionParts, 'store' | 'waiting'>,
): Promise<HttpAnswer> {
  await found(id, store);
  const ended = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, ended.signal]);
  const lastEventId = c.req.header('last-event-id');
  const stream = eventStream(states(id, { store, waiting, lastEventId, signal }), () => {
    ended.abort();
  });
  return {
    // A buffering proxy would hold back the states.
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
    body: stream,
  };
}

async function found(id: string, store: Pick<Store, 'find'>) {
  const unknown = (): Problem => new Problem(404, `no prediction was ever asked for under this id`);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw unknown();
  const job = await store.find(id);
  if (job.status === 'expired') throw new Problem(410, 'the result was kept for its time and is gone');
  if (!('outcomes' in job)) throw unknown();
  return job;
}

function done(text: string, { applied }: Preference): HttpAnswer {
  return jsonText(text, applied === undefined ? {} : { headers: { 'preference-applied': applied } });
}

/** The outcomes of what is asked, if this replica has lately seen all. */
function fromRecent(
  { fixtures }: Asked,
  recent: Pick<Recent, 'find'>,
  digestOf: (fixture: Fixture) => string,
): StoredOutcome[] | undefined {
  const outcomes: StoredOutcome[] = [];
  for (const each of fixtures) {
    if ('fault' in each) {
      outcomes.push(storedNow(failedOutcome('', each.fault)));
      continue;
    }
    const hit = recent.find(cacheKey(digestOf(each.fixture), each.fixture));
    if (!hit) return undefined;
    outcomes.push(hit);
  }
  return outcomes;
}
