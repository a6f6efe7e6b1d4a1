import * as v from 'valibot';
import { fingerprintAt, hasFailed, type Kept, placeOf, single } from '../rules.ts';
import type { LedgerOutcome } from '../store.ts';
import { flag, type SqliteFile } from './file.ts';
import { jobOfRequest, requestOf, type Result, type Serves, type SqliteResults } from './results.ts';

/** How long listeners can read a settled request, in ms. */
const replyKept = 60_000;

const JobRow = v.object({
  seq: v.number(),
  list: flag,
  size: v.number(),
  open: v.number(),
  replyTo: v.nullable(v.string()),
  expires: v.nullable(v.number()),
  gone: flag,
  fingerprints: v.string(),
});
type JobRow = v.InferOutput<typeof JobRow>;

/** How requests end in an SQLite store; a settlement lives in one transaction of the caller. */
export function sqliteSettlement(file: SqliteFile, results: SqliteResults, kept: Kept) {
  const columns = 'seq, list, size, open, reply_to AS replyTo, expires, gone, fingerprints';
  const jobById = file.statement(`SELECT ${columns} FROM jobs WHERE id = ?`, JobRow);
  const jobBySeq = file.statement(`SELECT ${columns} FROM jobs WHERE seq = ?`, JobRow);
  const insertJob = file.insert(
    'INSERT INTO jobs (id, list, size, open, reply_to, deadline, expires, body, fingerprints) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const setOpen = file.change('UPDATE jobs SET open = ? WHERE seq = ?');
  const end = file.change(
    'UPDATE jobs SET open = 0, deadline = NULL, body = NULL, expires = ? WHERE seq = ?',
  );
  const reply = file.change('INSERT INTO replies (reply_to, requests, expires) VALUES (?, ?, ?)');

  /** The requests that one transaction ends: results one by one, then what follows from them once for each job and each listener. */
  function settlement(now: number, replyTo?: string) {
    const ended = new Map<JobRow, number[]>();
    const byId = new Map<string, JobRow | undefined>();
    const bySeq = new Map<number, JobRow>();
    const meet = (found: JobRow | undefined): JobRow | undefined => {
      const row = found && (bySeq.get(found.seq) ?? found);
      if (row) bySeq.set(row.seq, row);
      return row;
    };
    const job = (id: string): JobRow | undefined => {
      if (!byId.has(id)) byId.set(id, meet(jobById.get(id)));
      return byId.get(id);
    };
    /** A producer's own request that never passed ingress: accepted by being answered. */
    const own = (id: string, fingerprint: string): number => {
      const seq = insertJob(id, 0, 1, 1, null, null, null, null, fingerprint);
      const row = { seq, list: false, size: 1, open: 1, replyTo: null, expires: null, gone: false };
      byId.set(id, meet({ ...row, fingerprints: fingerprint }));
      results.count('accepted', 1);
      return requestOf(seq, single);
    };
    const counts = { done: 0, failed: 0 };
    return {
      /**
       * The number of the request that an outcome answers: a place of a known list, or a job of its own. The id of a list has none. `conflict`:
       * something else was asked under its id.
       */
      requestOf({ id, fingerprint }: LedgerOutcome): number | 'conflict' | undefined {
        const bound = (row: JobRow, place: number): number | 'conflict' =>
          row.gone || fingerprintAt(row.fingerprints, place) === fingerprint
            ? requestOf(row.seq, place)
            : 'conflict';
        const { job: base, place } = placeOf(id);
        const list = job(base);
        if (list?.list) {
          if (place === single) return undefined;
          if (place < list.size) return bound(list, place);
        }
        const known = place === single ? list : job(id);
        return known ? bound(known, single) : own(id, fingerprint);
      },
      /** False if the request has ended before, even if its result has expired since. */
      add(request: number, result: Result, serves?: Serves): boolean {
        const seq = jobOfRequest(request);
        const row = bySeq.get(seq) ?? meet(jobBySeq.get(seq));
        if (!row || row.gone || !results.insert(request, result, serves)) return false;
        counts[hasFailed(result) ? 'failed' : 'done'] += 1;
        const requests = ended.get(row);
        if (requests) requests.push(request);
        else ended.set(row, [request]);
        return true;
      },
      finish(): void {
        const replies = new Map<string, number[]>();
        for (const [{ seq, open: before, replyTo: own }, requests] of ended) {
          const open = before - requests.length;
          if (open === 0) end(now + kept.result, seq);
          else setOpen(open, seq);
          const channel = own ?? replyTo;
          if (channel === undefined) continue;
          const items = replies.get(channel);
          if (items) items.push(...requests);
          else replies.set(channel, requests);
        }
        for (const [channel, requests] of replies) reply(channel, JSON.stringify(requests), now + replyKept);
        results.count('done', counts.done);
        results.count('failed', counts.failed);
      },
    };
  }

  return { jobById, insertJob, settlement };
}
