import * as v from 'valibot';
import type { Settled } from '../store.ts';
import { isSqliteError, type SqliteFile } from './file.ts';
import type { SqliteResults } from './results.ts';

/** SQLite tells no other process of a commit. So we look, every so many ms: often while an answer is awaited here, else seldom. */
const interval = { awaited: 1, idle: 50 };
/** Milliseconds no longer matter to who has waited this long. */
const patient = 60_000;

const Version = v.object({ data_version: v.number() });
const Last = v.object({ seq: v.number() });
const Reply = v.object({ seq: v.number(), replyTo: v.string(), requests: v.string() });

/** The channels that this process listens to on an SQLite store. */
export function sqliteListening(file: SqliteFile, results: Pick<SqliteResults, 'named'>) {
  const version = file.statement('PRAGMA data_version', Version);
  const last = file.statement('SELECT ifnull(max(seq), 0) AS seq FROM replies', Last);
  const since = file.statement(
    'SELECT seq, reply_to AS replyTo, requests FROM replies WHERE seq > ? ORDER BY seq',
    Reply,
  );
  type Listener = { replyTo: string; onSettled: (settled: Settled[]) => void };
  const listeners = new Set<Listener>();
  let seen = 0;
  let seenVersion = -1;
  let awaited = 0;
  let awaitedUntil = 0;
  let timer: NodeJS.Timeout | undefined;

  /** What has settled since the last read, for the listeners here. */
  function read(): (Listener & { settled: Settled[] })[] {
    const replies = since.all(seen);
    const told = replies.flatMap(({ replyTo, requests }) => {
      const here = [...listeners].filter((listener) => listener.replyTo === replyTo);
      if (here.length === 0) return [];
      const settled = results.named(requests);
      return here.map((listener) => ({ ...listener, settled }));
    });
    seen = replies.at(-1)?.seq ?? seen;
    return told;
  }

  function look(): void {
    if (listeners.size === 0) return;
    try {
      const now = version.get()?.data_version ?? 0;
      if (now !== seenVersion) {
        const told = file.read(read);
        seenVersion = now;
        for (const { onSettled, settled } of told) {
          awaited = Math.max(0, awaited - settled.length);
          onSettled(settled);
        }
      }
    } catch (error) {
      // Busy: another process recovers the log of a killed one. The next look finds it.
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
      if (listeners.size === 0) seen = last.get()?.seq ?? 0;
      const listener = { replyTo, onSettled };
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
