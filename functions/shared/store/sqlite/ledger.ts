import * as v from 'valibot';
import { type ModelRef, ownModel } from '../../prediction.ts';
import type { Accepted, Completed, Found, Job, OverdueJob, Store, StoredOutcome } from '../store.ts';
import {
  exhausted,
  fingerprintsOf,
  furthest,
  foundJob,
  hasFailed,
  type Kept,
  maxAttempts,
  patience,
  storedOutcome,
  sweepBytes,
  textOf,
} from '../rules.ts';
import type { SqliteFile } from './file.ts';
import { jobOfRequest, requestOf, type Result, sqlitePruning, type SqliteResults } from './results.ts';
import { sqliteSettlement } from './settlement.ts';
import { flightKey, jobOf, jobText, predictionKey } from './texts.ts';

const Request = v.object({ request: v.number() });
const Follower = v.object({ leader: v.number(), request: v.number() });
const Overdue = v.object({
  seq: v.number(),
  size: v.number(),
  open: v.number(),
  attempts: v.number(),
  bytes: v.number(),
});
const Body = v.object({ body: v.string() });

type Lifetime = { expires: number | null; gone: boolean };
const isOver = ({ expires }: Lifetime, now: number): boolean => expires !== null && expires < now;
const hasExpired = (job: Lifetime, now: number): boolean => job.gone || isOver(job, now);

/** The ledger of an SQLite store (see `Store`). */
export function sqliteLedger(file: SqliteFile, results: SqliteResults, kept: Kept) {
  const prune = sqlitePruning(file, results, kept);
  const { jobById, insertJob, settlement } = sqliteSettlement(file, results, kept);
  const setDeadline = file.change('UPDATE jobs SET deadline = ?, attempts = attempts + 1 WHERE seq = ?');
  const dueNow = file.change('UPDATE jobs SET deadline = ? WHERE seq = ? AND deadline IS NOT NULL');
  const overdueJobs = file.statement(
    `SELECT seq, size, open, attempts, octet_length(body) AS bytes
      FROM jobs WHERE deadline <= ? OR deadline > ? ORDER BY deadline LIMIT ?`,
    Overdue,
  );
  const bodyOf = file.statement('SELECT body FROM jobs WHERE seq = ?', Body);
  const flight = file.statement('SELECT request FROM flights WHERE key = ? AND expires > ?', Request);
  const lead = file.change('INSERT OR REPLACE INTO flights (key, request, expires) VALUES (?, ?, ?)');
  const land = file.change('DELETE FROM flights WHERE request IN (SELECT value FROM json_each(?))');
  const follow = file.change('INSERT INTO followers (leader, request) VALUES (?, ?)');
  const followers = file.statement(
    'SELECT leader, request FROM followers WHERE leader IN (SELECT value FROM json_each(?))',
    Follower,
  );
  const unfollow = file.change('DELETE FROM followers WHERE leader IN (SELECT value FROM json_each(?))');

  function lookUp(job: Job, digest: string, now: number): (Result | undefined)[] {
    return job.requests.map(({ request, outcome, digest: own = digest }) => {
      if (outcome) {
        const model = ownModel(outcome);
        return { text: textOf(outcome), model: model ? results.modelId(model) : null, cached: false };
      }
      return results.serving(predictionKey(own, request), now);
    });
  }

  function answered(known: (Result | undefined)[]): (StoredOutcome | undefined)[] {
    return known.map(
      (result) => result && storedOutcome(result.text, results.modelOf(result.model), result.cached),
    );
  }

  function answerFromCache(job: Job, digest: string, now: number): Accepted | undefined {
    if (job.keep || job.requests.some(({ outcome }) => outcome)) return undefined;
    const known: Result[] = [];
    for (const { request, digest: own = digest } of job.requests) {
      const found = results.serving(predictionKey(own, request), now);
      if (!found) return undefined;
      known.push(found);
    }
    return jobById.get(job.id) ? undefined : { id: job.id, outcomes: answered(known), publish: [] };
  }

  /** Which of the jobs ask for something else than is known under their ids; undefined where none does. */
  function conflicting(jobs: readonly Job[], now: number): Accepted[] | undefined {
    const asked = new Map<string, string>();
    const checked = jobs.map((job): Accepted => {
      const stored = jobById.get(job.id);
      const before = stored && !hasExpired(stored, now) ? stored.fingerprints : asked.get(job.id);
      const fingerprints = fingerprintsOf(job);
      asked.set(job.id, fingerprints);
      const conflict = before !== undefined && before !== fingerprints;
      return {
        ...{ id: job.id, outcomes: job.requests.map(() => undefined), publish: [] },
        ...(conflict ? { conflict } : {}),
      };
    });
    return checked.some(({ conflict }) => conflict) ? checked : undefined;
  }

  function acceptOne(job: Job, digest: string, now: number): Accepted {
    const { id } = job;
    const before = jobById.get(id);
    if (before && !hasExpired(before, now)) {
      const outcomes = results.ofJob(before.seq, before.size);
      return {
        id,
        outcomes,
        publish: [],
        ...(before.fingerprints === fingerprintsOf(job) ? {} : { conflict: true }),
      };
    }
    // Its result has expired: it is accepted anew.
    if (before) results.forgetJob(before.seq, before.size);
    const known = lookUp(job, digest, now);
    const outcomes = answered(known);
    const open = job.requests.filter((_, at) => !known[at]).map(({ request }) => request);
    if (open.length === 0 && !job.keep) return { id, outcomes, publish: [] };

    const ends = open.length === 0;
    const seq = insertJob(
      ...[id, Number(job.list), job.requests.length, open.length, job.replyTo ?? null],
      ...(ends ? [null, now + kept.result, null] : [now + patience(1), null, jobText(job, open)]),
      fingerprintsOf(job),
    );
    results.count('accepted', job.requests.length);
    const publish: number[] = [];
    for (const [at, { request, digest: own = digest }] of job.requests.entries()) {
      const numbered = requestOf(seq, at);
      const result = known[at];
      if (result) {
        results.insert(numbered, result);
        results.count(hasFailed(result) ? 'failed' : 'done', 1);
        continue;
      }
      const key = flightKey(own, request);
      const leader = flight.get(key, now);
      if (leader) follow(leader.request, numbered);
      else {
        lead(key, numbered, now + kept.flight);
        publish.push(at);
      }
    }
    return { id, outcomes, publish };
  }

  /** Ends the flights that these requests lead. The caller answers or publishes the requests that joined them. */
  function landed(leaders: Iterable<number>): v.InferOutput<typeof Follower>[] {
    const requests = JSON.stringify([...leaders]);
    land(requests);
    const found = followers.all(requests);
    if (found.length > 0) unfollow(requests);
    return found;
  }

  return {
    accept(
      jobs: readonly Job[],
      { digest, now, together = false }: { digest: string; now: number; together?: boolean },
    ): Accepted[] {
      // A job that the cache answers in full takes no write lock, so it waits for no writer.
      const answers = file.read(() => jobs.map((job) => answerFromCache(job, digest, now)));
      if (answers.every((answer) => answer !== undefined)) return answers;
      return file.write(() => {
        const refused = together ? conflicting(jobs, now) : undefined;
        if (refused) return refused;
        const accepted = jobs.map((job, at) => answers[at] ?? acceptOne(job, digest, now));
        prune(now, jobs.length);
        return accepted;
      });
    },

    complete({ model, outcomes, replyTo, now }: Completed): Awaited<ReturnType<Store['complete']>> {
      return file.write(() => {
        const models = new Map<ModelRef, string>();
        const modelId = (ref: ModelRef): string => {
          const id = models.get(ref) ?? results.modelId(ref);
          models.set(ref, id);
          return id;
        };
        const settled = settlement(now, replyTo);
        const stored = new Map<number, Result>();
        const conflicts: string[] = [];
        for (const outcome of outcomes) {
          const ref = ownModel(outcome) ?? model;
          const result = { text: textOf(outcome), model: modelId(ref), cached: false };
          const serves =
            outcome.status === 'done'
              ? { key: predictionKey(ref.digest, outcome.prediction), until: now + kept.prediction }
              : undefined;
          const request = settled.requestOf(outcome);
          if (request === 'conflict') conflicts.push(outcome.id);
          else if (request !== undefined && settled.add(request, result, serves)) stored.set(request, result);
        }
        for (const { leader, request } of landed(stored.keys())) {
          const result = stored.get(leader);
          if (result) settled.add(request, result);
        }
        settled.finish();
        const duplicates = outcomes.length - stored.size - conflicts.length;
        results.count('duplicates', duplicates);
        prune(now, stored.size);
        return { stored: stored.size, duplicates, conflicts };
      });
    },

    /** Of the jobs that were `taken`, those that are to be published again; the others have ended. */
    overdue({ now, limit }: { now: number; limit: number }): { taken: number; jobs: OverdueJob[] } {
      return file.write(() => {
        const jobs: OverdueJob[] = [];
        const settled = settlement(now);
        let taken = 0;
        let requests = 0;
        let room = sweepBytes;
        for (const { seq, size, open, attempts, bytes } of overdueJobs.all(now, now + furthest, limit)) {
          room -= bytes;
          if (taken > 0 && (requests + open > limit || room < 0)) break;
          taken++;
          requests += open;
          if (attempts < maxAttempts) {
            setDeadline(now + patience(attempts + 1), seq);
            const body = bodyOf.get(seq)?.body ?? '';
            const job = jobOf(body, (place) => !results.has(requestOf(seq, place)));
            jobs.push({ ...job, attempts });
            continue;
          }
          const failed = Array.from({ length: size }, (_, place) => requestOf(seq, place)).filter((request) =>
            settled.add(request, { text: exhausted, model: null, cached: false }),
          );
          // Requests that joined them would wait on: the next sweep publishes those.
          for (const { request } of landed(failed)) dueNow(now, jobOfRequest(request));
        }
        settled.finish();
        prune(now, requests);
        return { taken, jobs };
      });
    },

    find(id: string, now: number): Found {
      const job = jobById.get(id);
      if (!job) return { status: 'unknown' };
      if (hasExpired(job, now)) return { status: job.gone && isOver(job, now) ? 'unknown' : 'expired' };
      return foundJob(job.list, job.open > 0, results.ofJob(job.seq, job.size));
    },
  };
}
