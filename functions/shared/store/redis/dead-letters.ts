import * as v from 'valibot';
import { DeadLetterRecord, type Kept, lettersKept } from '../rules.ts';
import type { DeadLetter, Store } from '../store.ts';
import type { RedisConnection } from './connection.ts';
import { scripts } from './scripts.ts';

const Texts = v.array(v.string());
const MaybeText = v.nullable(v.string());
const Dropped = v.number();

const indexes = { signed: 'dead-letters:signed', others: 'dead-letters' };
/** The most letters that are read at once. */
const atOnce = 8;
const keyOf = (id: string): string => `kickoff:dead-letter:${id}`;

/** The dead letters of a Redis store (see `scripts.ts` for its keys). */
export function redisDeadLetters(
  redis: Pick<RedisConnection, 'call' | 'script'>,
  kept: Kept,
): Store['deadLetters'] {
  async function idsOf(index: string): Promise<string[]> {
    return v.parse(Texts, await redis.call('ZRANGE', `kickoff:${index}`, 0, -1));
  }
  return {
    async add(letter) {
      const index = letter.signed ? indexes.signed : indexes.others;
      const bounds = [lettersKept.count, lettersKept.bytes];
      const args = [letter.id, JSON.stringify(letter), kept.deadLetter, index, ...bounds];
      return { dropped: v.parse(Dropped, await redis.script(scripts.deadLetterAdd, args)) };
    },
    async list() {
      const ids = (await Promise.all([indexes.signed, indexes.others].map(idsOf))).flat();
      const letters: DeadLetter[] = [];
      // One may have a megabyte: all in one answer would fill the memory of Redis.
      for (let at = 0; at < ids.length; at += atOnce) {
        const keys = ids.slice(at, at + atOnce).map(keyOf);
        for (const text of v.parse(v.array(MaybeText), await redis.call('MGET', ...keys)))
          if (text !== null) letters.push(v.parse(DeadLetterRecord, JSON.parse(text)));
      }
      return letters.sort((a, b) => (a.time < b.time ? -1 : 1));
    },
    async find(id) {
      const text = v.parse(MaybeText, await redis.call('GET', keyOf(id)));
      return text === null ? undefined : v.parse(DeadLetterRecord, JSON.parse(text));
    },
    async remove(id) {
      return (await redis.script(scripts.deadLetterRemove, [id])) === 1;
    },
  };
}
