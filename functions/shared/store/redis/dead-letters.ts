import * as v from 'valibot';
import { DeadLetterRecord, type Kept } from '../rules.ts';
import type { Store } from '../store.ts';
import type { RedisConnection } from './connection.ts';

const Texts = v.array(v.string());
const MaybeText = v.nullable(v.string());

const index = 'kickoff:dead-letters';
const keyOf = (id: string): string => `kickoff:dead-letter:${id}`;

/** The dead letters of a Redis store (see `scripts.ts` for its keys). */
export function redisDeadLetters(redis: Pick<RedisConnection, 'call'>, kept: Kept): Store['deadLetters'] {
  return {
    async add(letter) {
      const now = Date.now();
      const text = JSON.stringify(letter);
      const before = await redis.call('SET', keyOf(letter.id), text, 'PX', kept.deadLetter, 'GET');
      await redis.call('ZADD', index, now + kept.deadLetter, letter.id);
      await redis.call('ZREMRANGEBYSCORE', index, '-inf', now);
      if (before === null) await redis.call('HINCRBY', 'kickoff:counts', 'deadLettered', 1);
    },
    async list() {
      const ids = v.parse(Texts, await redis.call('ZRANGE', index, 0, -1));
      if (ids.length === 0) return [];
      const found = await redis.call('MGET', ...ids.map((id) => keyOf(id)));
      return v
        .parse(v.array(MaybeText), found)
        .flatMap((text) => (text === null ? [] : [v.parse(DeadLetterRecord, JSON.parse(text))]));
    },
    async find(id) {
      const text = v.parse(MaybeText, await redis.call('GET', keyOf(id)));
      return text === null ? undefined : v.parse(DeadLetterRecord, JSON.parse(text));
    },
    async remove(id) {
      await redis.call('ZREM', index, id);
      return (await redis.call('DEL', keyOf(id))) === 1;
    },
  };
}
