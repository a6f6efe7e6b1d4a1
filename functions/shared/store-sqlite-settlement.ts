import * as v from 'valibot';
import { type Kept, placeOf, single } from './store-rules.ts';
import type { SqliteFile } from './store-sqlite-file.ts';
import type { Result, SqliteResults } from './store-sqlite-results.ts';

/** How long a settled request can be read by who listens, in ms. */
const replyKept = 60_000;

const JobRow = v.object({
  list: v.pipe(
    v.number(),
    v.transform((value) => value === 1),
  ),
  size: v.number(),
  open: v.number(),
  replyTo: v.nullable(v.string()),
  expires: v.nullable(v.number()),
  gone: v.pipe(
    v.number(),
    v.transform((value) => value === 1),
  ),
});

/** How requests end in an SQLite store; a settlement lives in one transaction of the caller. */
export function sqliteSettlement(file: SqliteFile, results: SqliteResults, kept: Kept) {
  const jobById = file.statement(
    'SELECT list, size, open, reply_to AS replyTo, expires, gone FROM jobs WHERE id = ?',
    JobRow,
  );
  const insertJob = file.change(
    'INSERT INTO jobs (id, list, size, open, reply_to, deadline, expires) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const setOpen = file.change(
    'UPDATE jobs SET open = ?, deadline = iif(?1 = 0, NULL, deadline), expires = ? WHERE id = ?',
  );
  const deleteBody = file.change('DELETE FROM bodies WHERE job = ?');
  const reply = file.change('INSERT INTO replies (reply_to, items, expires) VALUES (?, ?, ?)');

  /** The requests that one transaction ends: results one by one, then what follows from them once for each job and each listener. */
  function settlement(now: number, replyTo?: string) {
    const ended = new Map<string, number[]>();
    const jobs = new Map<string, v.InferOutput<typeof JobRow> | undefined>();
    const job = (id: string): v.InferOutput<typeof JobRow> | undefined => {
      if (!jobs.has(id)) jobs.set(id, jobById.get(id));
      return jobs.get(id);
    };
    const counts = { done: 0, failed: 0 };
    return {
      /** The job and place that the id of a request means: a place of a list that is known, or a job of its own; the id of a list is none. */
      placeOf(id: string): { job: string; place: number } | undefined {
        const found = placeOf(id);
        const list = job(found.job);
        if (found.place !== single)
          return list?.list && found.place < list.size ? found : { job: id, place: single };
        return list?.list ? undefined : found;
      },
      /** False if the request has ended before, also where its result has expired since. */
      add(id: string, place: number, { text, model, cached }: Result, failed: boolean): boolean {
        if (job(id)?.gone || !results.insert({ job: id, place, text, model, cached })) return false;
        counts[failed ? 'failed' : 'done'] += 1;
        const places = ended.get(id);
        if (places) places.push(place);
        else ended.set(id, [place]);
        return true;
      },
      finish(): void {
        const replies = new Map<string, [string, number][]>();
        for (const [id, places] of ended) {
          const known = job(id);
          if (known) {
            const open = known.open - places.length;
            setOpen(open, open === 0 ? now + kept.result : null, id);
            if (open === 0) deleteBody(id);
          } else {
            // A producer's own request that never passed ingress: accepted by being answered.
            insertJob(id, 0, 1, 0, null, null, now + kept.result);
            results.count('accepted', 1);
          }
          const channel = known?.replyTo ?? replyTo;
          if (channel === undefined) continue;
          const items = replies.get(channel) ?? [];
          for (const place of places) items.push([id, place]);
          replies.set(channel, items);
        }
        for (const [channel, items] of replies) reply(channel, JSON.stringify(items), now + replyKept);
        results.count('done', counts.done);
        results.count('failed', counts.failed);
      },
    };
  }

  return { jobById, insertJob, settlement };
}
