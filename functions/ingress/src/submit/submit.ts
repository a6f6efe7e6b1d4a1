import { maxRequests, requestedType } from '../../../shared/events/events.ts';
import { signedEvent } from '../../../shared/events/signature.ts';
import type { Keys } from '../../../shared/events/signing-keys.ts';
import { newId } from '../../../shared/id.ts';
import type { Log } from '../../../shared/log.ts';
import { fingerprintOf } from '../../../shared/fingerprint.ts';
import { type Answer, cacheKey, type PredictionRequest } from '../../../shared/prediction.ts';
import { retryLater } from '../../../shared/http/problem.ts';
import {
  type Accepted,
  type Job,
  type Settled,
  type Store,
  StoreUnavailable,
} from '../../../shared/store/store.ts';
import { predicts, storedNow } from '../../../shared/store/rules.ts';
import { gather } from './gather.ts';
import { createPace } from './pace.ts';
import type { PredictDirectly } from './predict-client.ts';
import type { Publisher } from './publisher.ts';
import type { Recent } from './recent.ts';
import type { Waiter, Waiting } from './waiting.ts';

/** Takes a job: into the ledger, to the broker in this trace, and waits up to `waitMs` for its outcomes. */
export type Submit = (
  job: Job,
  options: { waitMs: number; signal: AbortSignal; trace: Record<string, string> },
) => Promise<Waiter['outcomes']>;

/** After so many ms without an answered event, functions of the chain may be at zero: half of the stable window of config-autoscaler. */
const pauseMs = 30_000;

type Sent = { requests: PredictionRequest[]; trace: Record<string, string> };
type Published = Sent & {
  /** Resolves when it is answered, when its caller left, or after `ms`; undefined if nobody waits. */
  answered: ((ms: number) => Promise<'answered' | 'left' | 'late'>) | undefined;
};

/**
 * The way of a job. Accepted means in the ledger, before it is published. After a pause, when functions may be at zero, predict is asked directly
 * too: who waits gets the answer that is there first, and the other one changes nothing. Without the broker, predict answers waiting callers directly; the sweep
 * takes the other jobs. Without the store, predict answers waiting callers too; the others get 503. More than `limit` requests under way: 503, so
 * that memory stays flat.
 */
export function createSubmit({
  store,
  publisher,
  predictDirectly,
  waiting,
  recent,
  settle,
  digest,
  canaryDigest = () => undefined,
  replyTo,
  keys,
  limit,
  publishDeadlineMs,
  log,
  now = Date.now,
}: {
  store: Pick<Store, 'accept' | 'complete'>;
  publisher: Pick<Publisher, 'publish'>;
  predictDirectly: PredictDirectly | undefined;
  waiting: Pick<Waiting, 'open'>;
  recent: Pick<Recent, 'remember'>;
  settle: (settled: readonly Settled[]) => void;
  digest: () => string;
  /** The digest of the challenger, for a request that it answers. */
  canaryDigest?: (request: PredictionRequest) => string | undefined;
  replyTo: string;
  keys: Keys;
  limit: number;
  publishDeadlineMs: number;
  log: Log;
  now?: () => number;
}): Submit {
  let underWay = 0;
  let brokerAway = false;
  let storeAway = false;
  const size = { limit: maxRequests, size: ({ requests }: { requests: unknown[] }) => requests.length };

  // The ledger keeps no trace: an event has only one, so jobs of different traces could not be published again together.
  const assigned = (job: Job): Job => ({
    ...job,
    requests: job.requests.map((each) => {
      const own = canaryDigest(each.request);
      return own === undefined ? each : { ...each, digest: own };
    }),
  });
  const accept = gather<Job, Accepted>(
    (jobs) => store.accept(jobs.map(assigned), { digest: digest(), now: now() }),
    size,
  );

  // An event costs its hops far more than its requests do. Under load the next event waits until this one is answered, and takes along all that
  // came meanwhile: no longer than an event takes as a rule, since this one may be lost. A lone request never waits.
  const pace = createPace();
  let publishedAt = 0;
  let answeredAt = -Infinity;
  const paused = (): boolean => performance.now() - answeredAt > pauseMs;
  const hold = async (batch: readonly Published[]): Promise<void> => {
    const answered = batch.find((sent) => sent.answered)?.answered;
    if (brokerAway || !answered) return;
    const began = publishedAt;
    // Predict's own answer says nothing of how long an event takes.
    const both = paused();
    void answered(pace.most).then((end) => {
      const at = performance.now();
      if (end === 'answered') answeredAt = at;
      if (end !== 'left' && !both) pace.took(at - began);
    });
    await answered(pace.within());
  };

  /** True once the broker has confirmed. */
  const publish = gather<Published, boolean>(
    async (batch) => {
      const requests = batch.flatMap((sent) => sent.requests);
      // A batch is one event: it continues the trace of its first job.
      const extensions = batch[0]?.trace;
      publishedAt = performance.now();
      try {
        const draft = { id: newId(), source: '/kickoff/ingress', type: requestedType, extensions };
        const event = signedEvent({ ...draft, data: { requests, replyTo } }, keys);
        // A broker that hung last time must not delay every batch as long again.
        await publisher.publish(event, brokerAway ? publishDeadlineMs / 10 : publishDeadlineMs);
        if (brokerAway) log.info('the broker takes events again');
        brokerAway = false;
      } catch (error) {
        if (!brokerAway) log.warn('the broker takes no events', { error });
        brokerAway = true;
      }
      return batch.map(() => !brokerAway);
    },
    { ...size, hold },
  );

  /** Outcomes straight from predict: one call for all who need them now. */
  const predictNow = gather<Sent, undefined>(async (batch) => {
    if (!predictDirectly) throw new Error('PREDICT_URL is not set');
    const requests = batch.flatMap((sent) => sent.requests);
    const answered = await predictDirectly(requests, { id: newId(), extensions: batch[0]?.trace });
    const { model } = answered;
    const outcomes = answersTo(requests, answered.outcomes);
    if (outcomes.length < answered.outcomes.length)
      log.error('predict answered what it was not asked: ignored', {
        answers: answered.outcomes.length - outcomes.length,
      });
    await store.complete({ model, outcomes, now: now() }).catch((error: unknown) => {
      log.warn('an answer is not stored', { error });
    });
    settle(outcomes.map((outcome) => ({ id: outcome.id, ...storedNow(outcome, model) })));
    return batch.map(() => undefined);
  }, size);

  async function withoutStore(
    job: Job,
    waiter: Waiter,
    waits: boolean,
    trace: Record<string, string>,
    cause: StoreUnavailable,
  ): Promise<void> {
    if (!waits) throw retryLater('the store does not answer: nothing can be accepted for later');
    if (!storeAway) log.warn('the store does not answer: straight to predict', { error: cause });
    storeAway = true;
    waiter.fill(job.requests.map(({ outcome }) => outcome && storedNow(outcome)));
    const requests = job.requests.filter(({ outcome }) => !outcome).map(({ request }) => request);
    if (requests.length === 0) return;
    await predictNow({ requests, trace }).catch((error: unknown) => {
      log.error('neither the store nor predict answers', { error });
      throw retryLater('neither the store nor the model answers');
    });
    if (!waiter.complete()) throw retryLater('the model did not answer what it was asked');
  }

  async function send(
    job: Job,
    waiter: Waiter,
    places: readonly number[],
    trace: Record<string, string>,
    answered: Published['answered'],
  ): Promise<void> {
    const requestsAt = (wanted: readonly number[]): PredictionRequest[] =>
      wanted.flatMap((place) => job.requests[place]?.request ?? []);
    const asked = requestsAt(places);
    // Behind its event, a chain from zero has three more pods to wait for and its answer four hops to go.
    const both = answered !== undefined && predictDirectly !== undefined && asked.length > 0 && paused();
    const ahead = both
      ? predictNow({ requests: asked, trace }).catch((error: unknown) => {
          log.debug('predict does not answer ahead of its event', { error });
        })
      : undefined;
    const published = asked.length > 0 ? await publish({ requests: asked, trace, answered }) : !brokerAway;
    await ahead;
    if (published || !answered) return;
    // All that is still open, also requests that joined another's: that one may be waiting for the broker too.
    const open = [...waiter.outcomes.keys()].filter((place) => waiter.outcomes[place] === undefined);
    if (open.length === 0) return;
    await predictNow({ requests: requestsAt(open), trace }).catch((error: unknown) => {
      log.error('neither the broker nor predict answers: left to the sweep', { error });
    });
  }

  return async function submit(job, { waitMs, signal, trace }) {
    if (underWay + job.requests.length > limit)
      throw retryLater(`more than ${limit} requests are under way: try again later`);
    underWay += job.requests.length;
    const waiter = waiting.open(job.id, job.requests.length);
    try {
      const waits = waitMs > 0;
      const accepted = await accept(job).catch((error: unknown) => {
        if (error instanceof StoreUnavailable) return error;
        throw error;
      });
      if (accepted instanceof StoreUnavailable) {
        await withoutStore(job, waiter, waits, trace, accepted);
        return waiter.outcomes;
      }
      if (storeAway) log.info('the store answers again');
      storeAway = false;
      waiter.fill(accepted.outcomes);
      if (waiter.complete()) return waiter.outcomes;
      const answered = async (ms: number): Promise<'answered' | 'left' | 'late'> => {
        await waiter.settled(ms, signal);
        return waiter.complete() ? 'answered' : signal.aborted ? 'left' : 'late';
      };
      const sent = send(job, waiter, accepted.publish, trace, waits ? answered : undefined);
      if (waits) await waiter.settled(waitMs, signal);
      else await sent;
      return waiter.outcomes;
    } finally {
      for (const [place, outcome] of waiter.outcomes.entries()) {
        const request = job.requests[place]?.request;
        if (outcome?.model && request && predicts(outcome, request))
          recent.remember(cacheKey(outcome.model.digest, request), outcome);
      }
      waiter.close();
      underWay -= job.requests.length;
    }
  };
}

/** Those of the answers that answer one of the requests, each once. */
function answersTo(requests: readonly PredictionRequest[], answers: readonly Answer[]): Answer[] {
  const asked = new Map(requests.map((request) => [request.id, fingerprintOf(request)]));
  return answers.filter(({ id, source, fingerprint }) => {
    const wanted = source === undefined && asked.get(id) === fingerprint;
    if (wanted) asked.delete(id);
    return wanted;
  });
}
