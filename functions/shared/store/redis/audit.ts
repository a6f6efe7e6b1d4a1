import * as v from 'valibot';
import type { Audit } from '../store.ts';
import { bounds } from './bounds.ts';
import type { RedisConnection } from './connection.ts';
import { scripts } from './scripts.ts';

const Counts = v.array(v.nullable(v.string()));
const Seen = v.tuple([v.string(), v.number(), v.array(v.string()), v.array(v.string())]);

const names = ['accepted', 'done', 'failed', 'deadLettered', 'duplicates'] as const;
const hashes = ['open 0', 'deadlines 0', 'ended 0', 'ended 1', 'ended 2'];

/**
 * The audit of a Redis store. It looks at a few jobs at a time: all at once would hold up everybody. So it counts what is open only where nothing
 * changes meanwhile. It tries a few times, then the counts say what is open.
 */
export function redisAudit(
  redis: Pick<RedisConnection, 'call' | 'script'>,
  slices: readonly number[],
): () => Promise<Audit> {
  async function counts(): Promise<Record<(typeof names)[number], number>> {
    const values = v.parse(Counts, await redis.call('HMGET', 'kickoff:counts', ...names));
    const [accepted = 0, done = 0, failed = 0, deadLettered = 0, duplicates = 0] = values.map(Number);
    return { accepted, done, failed, deadLettered, duplicates };
  }

  async function look(): Promise<{ open: number; unaccounted: string[] }> {
    const open = new Map<string, number>();
    const unaccounted = new Set<string>();
    for (const hash of hashes) {
      let cursor = '0';
      let most = 1;
      do {
        const args = [...slices, ...hash.split(' '), cursor, most];
        const [next, bytes, unsound, sizes] = v.parse(Seen, await redis.script(scripts.unaccounted, args));
        for (const id of unsound) unaccounted.add(id);
        for (let at = 0; at < sizes.length; at += 2) open.set(sizes[at] ?? '', Number(sizes[at + 1]));
        // A record may have a hundred bytes or a megabyte: as many of the next as of these.
        most = Math.max(1, Math.min(2 * most, 100, Math.floor((most * bounds.room) / Math.max(bytes, 1))));
        cursor = next;
      } while (cursor !== '0');
    }
    return { open: [...open.values()].reduce((sum, one) => sum + one, 0), unaccounted: [...unaccounted] };
  }

  return async function audit() {
    let before = await counts();
    for (let tries = 0; ; tries++) {
      const found = await look();
      const after = await counts();
      const still = names.every((name) => before[name] === after[name]);
      if (still || tries === 2)
        return { ...after, ...found, ...(still ? {} : { open: after.accepted - after.done - after.failed }) };
      before = after;
    }
  };
}
