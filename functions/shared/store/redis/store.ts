import * as v from 'valibot';
import { ModelRef, ownModel } from '../../prediction.ts';
import type { Accepted, Found, Job, OverdueJob, Settled, Store, StoredOutcome } from '../store.ts';
import { redisAudit } from './audit.ts';
import { bounds } from './bounds.ts';
import { redisCompletion } from './completion.ts';
import { openRedis } from './connection.ts';
import { redisDeadLetters } from './dead-letters.ts';
import { redisHistory } from './history.ts';
import {
  endedFrom,
  linesFrom,
  modelArguments,
  type Models,
  placeFrom,
  placeText,
  redisResults,
} from './results.ts';
import { scripts, sliceLengths } from './scripts.ts';
import {
  ClaimRecord,
  exhausted,
  fingerprintsOf,
  foundJob,
  furthest,
  idLength,
  type Kept,
  maxAttempts,
  patience,
  requestId,
  shortId,
  single,
  storedNow,
  sweepBytes,
  textOf,
} from '../rules.ts';
import { askerFrom, askerText, requestFrom, requestText } from './texts.ts';

const Texts = v.array(v.string());
const Again = v.tuple([v.string(), v.string(), v.string(), v.number(), v.string(), v.string()]);
const Taken = v.tuple([v.number(), v.array(Again)]);
const MaybeText = v.nullable(v.string());

const prefix = 'kickoff:';

/** A store in Redis 7 (see `scripts.ts` for its keys). Never throws for a Redis that does not answer: its methods do. */
export async function openRedisStore(url: string, kept: Kept): Promise<Store> {
  const redis = await openRedis(url);
  const results = redisResults(redis);
  const listeners = new Map<string, Set<(settled: Settled[]) => void>>();

  const slices = sliceLengths(kept);

  /** A line for each request: `?`, the id of its digest and its text, or `=` and the result that is known. */
  function bodyOf({ requests }: Job, digestId: (own?: string) => string, models: Models): string {
    const lines = requests.map(({ request, outcome, digest }) => {
      if (!outcome) return `?${digestId(digest)}${requestText(request)}\n`;
      const model = ownModel(outcome);
      return `=${results.pack(textOf(outcome), model && results.modelId(model, models))}\n`;
    });
    return lines.join('');
  }

  async function outcomesFrom(size: string, text: string): Promise<(StoredOutcome | undefined)[]> {
    const outcomes = Array.from({ length: Number(size) || 1 }, (): StoredOutcome | undefined => undefined);
    const lines = linesFrom(text);
    await results.meet(lines.map(({ result }) => result));
    for (const { place, result } of lines) outcomes[Math.max(placeFrom(place), 0)] = results.unpack(result);
    return outcomes;
  }

  /** What `accept.lua` says of a job. */
  async function acceptedFrom({ id, list, requests }: Job, reply: string): Promise<Accepted> {
    const before = reply[0];
    if (before === '=' || before === '!') {
      const size = list ? String(requests.length) : 's';
      const outcomes = await outcomesFrom(size, reply.slice(1));
      return { id, outcomes, publish: [], ...(before === '!' ? { conflict: true } : {}) };
    }
    const [letters = '', ...lines] = reply.split('\n');
    const hits = lines.slice(0, -1).map((value) => `1${value}`);
    await results.meet(hits);
    const publish: number[] = [];
    let hit = 0;
    const outcomes = requests.map(({ outcome }, at): StoredOutcome | undefined => {
      if (letters[at] === 'p') publish.push(at);
      if (letters[at] === 'c') return results.unpack(hits[hit++] ?? '');
      return outcome && storedNow(outcome);
    });
    return { id, outcomes, publish };
  }

  async function tell(channel: string, message: string): Promise<void> {
    const ended = endedFrom(message);
    await results.meet(ended.map(({ result }) => result));
    const settled = ended.map(({ id, result }): Settled => ({ id, ...results.unpack(result) }));
    for (const onSettled of listeners.get(channel) ?? []) onSettled(settled);
  }

  redis.onMessage((channel, message) => {
    // Who waits looks again after a while, so a message that cannot be read is not lost.
    tell(channel, message).catch(() => undefined);
  });

  return {
    async accept(jobs, { digest, now, together = false }) {
      const models: Models = new Map();
      const digestIds = new Map<string, string>();
      const digestId = (own = digest): string => {
        const id = digestIds.get(own) ?? shortId(own);
        digestIds.set(own, id);
        return id;
      };
      const args: (string | number)[] = [];
      for (const job of jobs) {
        args.push(job.id, job.list ? job.requests.length : 's', job.keep ? 1 : 0, job.replyTo ?? '');
        args.push(fingerprintsOf(job), `${askerText(job.asker)}\n${bodyOf(job, digestId, models)}`);
      }
      const { room, joined } = bounds;
      const head = [...slices, now, kept.flight, patience(1), room, joined, together ? 1 : 0];
      const known = modelArguments(models);
      const replies = v.parse(
        Texts,
        await redis.script(scripts.accept, [...head, jobs.length, ...args, ...known]),
      );
      return Promise.all(jobs.map((job, at) => acceptedFrom(job, replies[at] ?? '')));
    },

    complete: redisCompletion(redis, results, slices),

    async find(id): Promise<Found> {
      const [word, record = ''] = v.parse(Texts, await redis.script(scripts.find, [...slices, id]));
      if (word === 'expired' || word === 'unknown') return { status: word };
      const size = record.slice(0, record.indexOf('\n'));
      const list = size !== 's';
      return foundJob(list, word === 'queued', await outcomesFrom(size, record));
    },

    async claim(key, claim) {
      const name = `${prefix}claim:${key}`;
      const earlier = v.parse(
        MaybeText,
        await redis.call('SET', name, JSON.stringify(claim), 'NX', 'GET', 'PX', kept.claim),
      );
      return earlier === null ? claim : v.parse(ClaimRecord, JSON.parse(earlier));
    },

    async overdue({ now, limit }) {
      const waits = Array.from({ length: maxAttempts }, (_, n) => patience(n + 1));
      const failed = results.pack(exhausted);
      const head = [...slices, now, limit, sweepBytes, furthest, failed, maxAttempts];
      let [taken, again] = v.parse(Taken, await redis.script(scripts.overdue, [...head, ...waits]));
      // All of them ended: behind them may be some to publish.
      while (taken > 0 && again.length === 0)
        [taken, again] = v.parse(Taken, await redis.script(scripts.overdue, [...head, ...waits]));
      return again.map(([id, size, channel, attempts, lines, body]): OverdueJob => {
        const over = new Set(linesFrom(lines).map(({ place }) => place));
        const list = size !== 's';
        const [asked = '', ...requests] = body.split('\n');
        const asker = askerFrom(asked);
        return {
          ...{ id, list, attempts },
          ...(channel === '' ? {} : { replyTo: channel }),
          ...(asker ? { asker } : {}),
          requests: requests.flatMap((line, at) => {
            const place = list ? at : single;
            if (line === '' || line.startsWith('=') || over.has(placeText(place))) return [];
            return [{ request: requestFrom(requestId(id, place), line.slice(1 + idLength)) }];
          }),
        };
      });
    },

    async listen(replyTo, onSettled) {
      const here = listeners.get(replyTo) ?? new Set();
      if (here.size === 0) await redis.subscribe(replyTo);
      here.add(onSettled);
      listeners.set(replyTo, here);
      return async () => {
        here.delete(onSettled);
        if (here.size > 0) return;
        listeners.delete(replyTo);
        await redis.unsubscribe(replyTo);
      };
    },

    audit: redisAudit(redis, slices),
    deadLetters: redisDeadLetters(redis, kept),
    history: redisHistory(redis, kept),
    lastGood: {
      async keep(model) {
        await redis.call('SET', `${prefix}last-good`, JSON.stringify(model));
      },
      async find() {
        const text = v.parse(MaybeText, await redis.call('GET', `${prefix}last-good`));
        return text === null ? undefined : v.parse(ModelRef, JSON.parse(text));
      },
    },
    async ping() {
      await redis.call('SET', `${prefix}ping`, 1, 'PX', 1000);
    },
    close: () => redis.close(),
  };
}
