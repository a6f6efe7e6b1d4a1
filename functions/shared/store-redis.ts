import { hash } from 'node:crypto';
import * as v from 'valibot';
import { cacheKey, type ModelRef } from './prediction.ts';
import type { Accepted, Audit, Found, Job, Settled, Store } from './store.ts';
import { openRedis } from './store-redis-connection.ts';
import { redisHistory } from './store-redis-history.ts';
import { redisResults } from './store-redis-results.ts';
import {
  acceptScript,
  auditScript,
  completeScript,
  findScript,
  overdueScript,
  unaccountedScript,
} from './store-redis-scripts.ts';
import {
  ClaimRecord,
  DeadLetterRecord,
  exhausted,
  flightKey,
  furthest,
  hasFailed,
  jobOf,
  jobText,
  type Kept,
  maxAttempts,
  patience,
  placeOf,
  single,
  textOf,
} from './store-rules.ts';

const Texts = v.array(v.string());
const Pair = v.tuple([v.number(), v.number()]);
const Again = v.array(v.tuple([v.string(), Texts]));
const ScanReply = v.tuple([v.string(), Texts]);
const MaybeText = v.nullable(v.string());

const prefix = 'kickoff:';
/** The ids that were given are kept in slices of time, each in one set: this many live at once. */
const slices = 8;

const short = (text: string): string => hash('sha1', text, 'base64url');
const fieldOf = (place: number): string => (place === single ? 's' : String(place));

/** A store in Redis 7 (see `store-redis-lua.ts` for its keys). Never throws for a Redis that does not answer: its methods do. */
export async function openRedisStore(url: string, kept: Kept): Promise<Store> {
  const redis = await openRedis(url);
  const results = redisResults(redis);
  const listeners = new Map<string, Set<(settled: Settled[]) => void>>();

  const slice = (now: number): number => Math.floor(now / (kept.id / (slices - 1)));
  const sliceTtl = Math.ceil((kept.id * slices) / (slices - 1));

  function requestArguments({ requests }: Job, digest: string, texts: Map<string, string>): string[] {
    return requests.flatMap(({ request, outcome, digest: own = digest }) => {
      if (!outcome) return ['q', short(cacheKey(own, request)), short(flightKey(own, request))];
      const model = outcome.status === 'done' ? outcome.model : undefined;
      return [outcome.status, `0${model ? results.modelId(model, texts) : '-'}${textOf(outcome)}`, ''];
    });
  }

  async function tell(channel: string, message: string): Promise<void> {
    const lines = message.split('\n').map((line) => {
      const tab = line.indexOf('\t');
      return { id: line.slice(0, tab), result: line.slice(tab + 1) };
    });
    await results.meet(lines.map(({ result }) => result));
    const settled = lines.map(({ id, result }): Settled => ({ id, ...results.unpack(result) }));
    for (const onSettled of listeners.get(channel) ?? []) onSettled(settled);
  }

  redis.onMessage((channel, message) => {
    // Who waits looks again after a while, so a message that cannot be read is not lost.
    tell(channel, message).catch(() => undefined);
  });

  return {
    async accept(jobs, { digest, now }) {
      const texts = new Map<string, string>();
      const args: (string | number)[] = [];
      for (const job of jobs) {
        const requests = job.requests.filter(({ outcome }) => !outcome).map(({ request }) => request);
        args.push(job.id, job.list ? 1 : 0, job.keep ? 1 : 0, job.replyTo ?? '', jobText(job, requests));
        args.push(job.requests.length, ...requestArguments(job, digest, texts));
      }
      const head = [now, kept.flight, kept.result, patience(1), slice(now), sliceTtl];
      const known = [texts.size, ...[...texts].flat()];
      const replies = v.parse(
        Texts,
        await redis.script(acceptScript, [...head, ...known, jobs.length, ...args]),
      );
      await results.meet(replies);
      let at = 0;
      return jobs.map(({ id, requests }): Accepted => {
        const publish: number[] = [];
        const outcomes = requests.map((_, place) => {
          const reply = replies[at++];
          if (reply === 'p') publish.push(place);
          return reply === undefined || reply.length === 1 ? undefined : results.unpack(reply);
        });
        return { id, outcomes, publish };
      });
    },

    async complete({ model, outcomes, replyTo, now }) {
      const texts = new Map<string, string>();
      const ids = new Map<ModelRef, string>();
      const args: (string | number)[] = [];
      for (const outcome of outcomes) {
        const { job, place } = placeOf(outcome.id);
        const ref = (outcome.status === 'done' ? outcome.model : undefined) ?? model;
        const id = ids.get(ref) ?? results.modelId(ref, texts);
        ids.set(ref, id);
        args.push(outcome.id, job, fieldOf(place), outcome.status, `${id}${textOf(outcome)}`);
        args.push(outcome.status === 'done' ? short(cacheKey(ref.digest, outcome.prediction)) : '');
      }
      const head = [kept.result, kept.prediction, slice(now), sliceTtl, replyTo ?? ''];
      const known = [texts.size, ...[...texts].flat()];
      const reply = await redis.script(completeScript, [...head, ...known, outcomes.length, ...args]);
      const [stored, duplicates] = v.parse(Pair, reply);
      return { stored, duplicates };
    },

    async find(id): Promise<Found> {
      const now = slice(Date.now());
      const reply = await redis.script(findScript, [
        id,
        ...Array.from({ length: slices }, (_, n) => now - n),
      ]);
      const texts = v.parse(Texts, reply);
      const [first = '', result = ''] = texts;
      if (texts.length === 1) return { status: first === 'expired' ? 'expired' : 'unknown' };
      if (first === 'ended') {
        await results.meet([result]);
        const outcome = results.unpack(result);
        return { status: hasFailed(outcome) ? 'failed' : 'done', list: false, outcomes: [outcome] };
      }
      const job = new Map<string, string>();
      for (let at = 0; at < texts.length; at += 2) job.set(texts[at] ?? '', texts[at + 1] ?? '');
      const list = job.get('l') === '1';
      const places = Array.from({ length: Number(job.get('n')) }, (_, at) => (list ? at : single));
      const stored = places.map((place) => job.get(fieldOf(place)));
      await results.meet(stored.filter((result) => result !== undefined));
      const outcomes = stored.map((result) => (result ? results.unpack(result) : undefined));
      if (job.get('o') !== '0') return { status: 'queued', list, outcomes };
      const failed = !list && outcomes[0] !== undefined && hasFailed(outcomes[0]);
      return { status: failed ? 'failed' : 'done', list, outcomes };
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
      const head = [now, limit, kept.result, furthest, `0-${exhausted}`, maxAttempts];
      const again = v.parse(Again, await redis.script(overdueScript, [...head, ...waits]));
      return again.map(([body, fields]) => {
        const ended = new Set(fields);
        return jobOf(body, (place) => !ended.has(fieldOf(place)));
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

    async audit(): Promise<Audit> {
      const [open, ...fields] = v.parse(Texts, await redis.script(auditScript, []));
      const counts = new Map<string, number>();
      for (let at = 0; at < fields.length; at += 2) counts.set(fields[at] ?? '', Number(fields[at + 1]));
      const unaccounted = new Set<string>();
      const check = async (ids: readonly string[]): Promise<void> => {
        if (ids.length === 0) return;
        for (const id of v.parse(Texts, await redis.script(unaccountedScript, ids))) unaccounted.add(id);
      };
      const jobPrefix = `${prefix}job:`;
      let cursor = '0';
      do {
        const [next, keys] = v.parse(
          ScanReply,
          await redis.call('SCAN', cursor, 'MATCH', `${jobPrefix}*`, 'COUNT', 500),
        );
        await check(keys.map((key) => key.slice(jobPrefix.length)));
        cursor = next;
      } while (cursor !== '0');
      do {
        const [next, pairs] = v.parse(
          ScanReply,
          await redis.call('ZSCAN', `${prefix}pending`, cursor, 'COUNT', 500),
        );
        await check(pairs.filter((_, at) => at % 2 === 0));
        cursor = next;
      } while (cursor !== '0');
      const count = (name: string): number => counts.get(name) ?? 0;
      return {
        accepted: count('accepted'),
        done: count('done'),
        failed: count('failed'),
        open: Number(open),
        deadLettered: count('deadLettered'),
        duplicates: count('duplicates'),
        unaccounted: [...unaccounted],
      };
    },

    deadLetters: {
      async add(letter) {
        const now = Date.now();
        const result = await redis.call(
          ...[
            'SET',
            `${prefix}dead-letter:${letter.id}`,
            JSON.stringify(letter),
            'PX',
            kept.deadLetter,
            'GET',
          ],
        );
        await redis.call('ZADD', `${prefix}dead-letters`, now + kept.deadLetter, letter.id);
        await redis.call('ZREMRANGEBYSCORE', `${prefix}dead-letters`, '-inf', now);
        if (result === null) await redis.call('HINCRBY', `${prefix}counts`, 'deadLettered', 1);
      },
      async list() {
        const ids = v.parse(Texts, await redis.call('ZRANGE', `${prefix}dead-letters`, 0, -1));
        if (ids.length === 0) return [];
        const found = await redis.call('MGET', ...ids.map((id) => `${prefix}dead-letter:${id}`));
        return v
          .parse(v.array(MaybeText), found)
          .flatMap((text) => (text === null ? [] : [v.parse(DeadLetterRecord, JSON.parse(text))]));
      },
      async find(id) {
        const text = v.parse(MaybeText, await redis.call('GET', `${prefix}dead-letter:${id}`));
        return text === null ? undefined : v.parse(DeadLetterRecord, JSON.parse(text));
      },
      async remove(id) {
        await redis.call('ZREM', `${prefix}dead-letters`, id);
        return (await redis.call('DEL', `${prefix}dead-letter:${id}`)) === 1;
      },
    },

    history: redisHistory(redis, kept),
    async ping() {
      await redis.call('SET', `${prefix}ping`, 1, 'PX', 1000);
    },
    close: () => redis.close(),
  };
}
