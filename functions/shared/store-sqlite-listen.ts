import * as v from 'valibot';
import type { Settled } from './store.ts';
import { requestId } from './store-rules.ts';
import { isSqliteError, type SqliteFile } from './store-sqlite-file.ts';
import type { SqliteResults } from './store-sqlite-results.ts';

/** SQLite tells no other process of a commit, so one is looked for: often while an answer is awaited here, else seldom. In ms. */
const interval = { awaited: 1, idle: 50 };
/** Who has waited this long is not waiting for milliseconds any more. */
const patient = 60_000;

const Version = v.object({ data_version: v.number() });
const Reply = v.object({ seq: v.number(), items: v.string() });
const Items = v.array(v.tuple([v.string(), v.number()]));

/** The channels that this process listens to on an SQLite store. */
export function sqliteListening(file: SqliteFile, results: SqliteResults) {
  const version = file.statement('PRAGMA data_version', Version);
  const last = file.statement("SELECT ifnull(max(seq), 0) AS seq, '[]' AS items FROM replies", Reply);
  const since = file.statement(
    'SELECT seq, items FROM replies WHERE reply_to = ? AND seq > ? ORDER BY seq',
    Reply,
  );
  const listeners = new Set<{ replyTo: string; seen: number; onSettled: (settled: Settled[]) => void }>();
  let seenVersion = -1;
  let awaited = 0;
  let awaitedUntil = 0;
  let timer: NodeJS.Timeout | undefined;

  function read(): void {
    for (const listener of listeners) {
      const settled: Settled[] = [];
      for (const { seq, items } of since.all(listener.replyTo, listener.seen)) {
        listener.seen = seq;
        for (const [job, place] of v.parse(Items, JSON.parse(items))) {
          const stored = results.ofRequest(job, place);
          if (stored) settled.push({ id: requestId(job, place), ...stored });
        }
      }
      awaited = Math.max(0, awaited - settled.length);
      if (settled.length > 0) listener.onSettled(settled);
    }
  }

  function look(): void {
    if (listeners.size === 0) return;
    try {
      const now = version.get()?.data_version ?? 0;
      if (now !== seenVersion) {
        read();
        seenVersion = now;
      }
    } catch (error) {
      // Busy while another process recovers the log of one that was killed: the next look finds it.
      if (!isSqliteError(error)) throw error;
    } finally {
      schedule();
    }
  }

  function schedule(): void {
    clearTimeout(timer);
    if (listeners.size === 0) return;
    if (performance.now() > awaitedUntil) awaited = 0;
    timer = setTimeout(look, awaited > 0 ? interval.awaited : interval.idle).unref();
  }

  return {
    /** Requests of this process that somebody listens for were accepted: `count` answers will come. */
    awaiting(replyTo: string | undefined, count: number): void {
      if (count === 0 || ![...listeners].some((listener) => listener.replyTo === replyTo)) return;
      const idle = awaited === 0;
      awaited += count;
      awaitedUntil = performance.now() + patient;
      if (idle) schedule();
    },
    /** This process wrote: its own commits do not change `data_version` for itself. */
    wrote(): void {
      seenVersion = -1;
      if (listeners.size > 0) setImmediate(look);
    },
    listen(replyTo: string, onSettled: (settled: Settled[]) => void): () => Promise<void> {
      const listener = { replyTo, seen: last.get()?.seq ?? 0, onSettled };
      listeners.add(listener);
      schedule();
      return async () => {
        listeners.delete(listener);
      };
    },
    close(): void {
      listeners.clear();
      clearTimeout(timer);
    },
  };
}
