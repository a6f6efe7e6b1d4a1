import * as v from 'valibot';
import { cacheKey, type ModelRef, ownModel } from './prediction.ts';
import type { Accepted, Completed, Found, Job, StoredOutcome } from './store.ts';
import {
  exhausted,
  furthest,
  foundJob,
  hasFailed,
  type Kept,
  maxAttempts,
  patience,
  single,
  storedOutcome,
  textOf,
} from './store-rules.ts';
import type { SqliteFile } from './store-sqlite-file.ts';
import { type Result, sqlitePruning, type SqliteResults } from './store-sqlite-results.ts';
import { sqliteSettlement } from './store-sqlite-settlement.ts';
import { flightKey, jobOf, jobText } from './store-sqlite-texts.ts';

const Text = v.object({ text: v.string() });
const Cached = v.object({ text: v.string(), model: v.string() });
const Place = v.object({ job: v.string(), place: v.number() });
const Overdue = v.object({
  id: v.string(),
  list: v.number(),
  size: v.number(),
  open: v.number(),
  attempts: v.number(),
});

/** The ledger of an SQLite store (see `Store`). */
export function sqliteLedger(file: SqliteFile, results: SqliteResults, kept: Kept) {
  const prune = sqlitePruning(file, kept);
  const { jobById, insertJob, settlement } = sqliteSettlement(file, results, kept);
  const setDeadline = file.change('UPDATE jobs SET deadline = ?, attempts = attempts + 1 WHERE id = ?');
  const dueNow = file.change('UPDATE jobs SET deadline = ? WHERE id = ? AND deadline IS NOT NULL');
  const overdueJobs = file.statement(
    'SELECT id, list, size, open, attempts FROM jobs WHERE deadline <= ? OR deadline > ? ORDER BY deadline LIMIT ?',
    Overdue,
  );
  const insertBody = file.change('INSERT INTO bodies (job, text) VALUES (?, ?)');
  const bodyOf = file.statement('SELECT text FROM bodies WHERE job = ?', Text);
  const prediction = file.statement(
    'SELECT text, model FROM predictions WHERE key = ? AND expires > ?',
    Cached,
  );
  const savePrediction = file.change(
    'INSERT OR REPLACE INTO predictions (key, text, model, expires) VALUES (?, ?, ?, ?)',
  );
  const flight = file.statement('SELECT job, place FROM flights WHERE key = ? AND expires > ?', Place);
  const lead = file.change('INSERT OR REPLACE INTO flights (key, job, place, expires) VALUES (?, ?, ?, ?)');
  const land = file.change('DELETE FROM flights WHERE job = ? AND place = ?');
  const follow = file.change('INSERT INTO followers (leader, leader_place, job, place) VALUES (?, ?, ?, ?)');
  const followers = file.statement(
    'SELECT job, place FROM followers WHERE leader = ? AND leader_place = ?',
    Place,
  );
  const unfollow = file.change('DELETE FROM followers WHERE leader = ? AND leader_place = ?');

  function lookUp(job: Job, digest: string, now: number): (Result | undefined)[] {
    return job.requests.map(({ request, outcome, digest: own = digest }) => {
      if (outcome) {
        const model = ownModel(outcome);
        return { text: textOf(outcome), model: model ? results.modelId(model) : null, cached: false };
      }
      const found = prediction.get(cacheKey(own, request), now);
      return found && { ...found, cached: true };
    });
  }

  function answered(known: (Result | undefined)[]): (StoredOutcome | undefined)[] {
    return known.map(
      (result) => result && storedOutcome(result.text, results.modelOf(result.model), result.cached),
    );
  }

  function answerFromCache(job: Job, digest: string, now: number): Accepted | undefined {
    if (job.keep || job.requests.some(({ outcome }) => outcome)) return undefined;
    const known = lookUp(job, digest, now);
    if (known.includes(undefined) || jobById.get(job.id)) return undefined;
    return { id: job.id, outcomes: answered(known), publish: [] };
  }

  function acceptOne(job: Job, digest: string, now: number): Accepted {
    const { id } = job;
    const before = jobById.get(id);
    if (before) return { id, outcomes: results.ofJob(id, before.size), publish: [] };
    const known = lookUp(job, digest, now);
    const outcomes = answered(known);
    const open = job.requests.filter((_, at) => !known[at]);
    if (open.length === 0 && !job.keep) return { id, outcomes, publish: [] };

    const ends = open.length === 0;
    insertJob(
      ...[id, Number(job.list), job.requests.length, open.length, job.replyTo ?? null],
      ...[ends ? null : now + patience(1), ends ? now + kept.result : null],
    );
    if (!ends)
      insertBody(
        id,
        jobText(
          job,
          open.map(({ request }) => request),
        ),
      );
    results.count('accepted', job.requests.length);
    const publish: number[] = [];
    for (const [at, { request, digest: own = digest }] of job.requests.entries()) {
      const place = job.list ? at : single;
      const result = known[at];
      if (result) {
        results.insert({ job: id, place, ...result });
        results.count(hasFailed(result) ? 'failed' : 'done', 1);
        continue;
      }
      const key = flightKey(own, request);
      const leader = flight.get(key, now);
      if (leader) follow(leader.job, leader.place, id, place);
      else {
        lead(key, id, place, now + kept.flight);
        publish.push(at);
      }
    }
    return { id, outcomes, publish };
  }

  /** Ends the flights that a request leads; its followers are the caller's to answer or to publish. */
  function landed(job: string, place: number): { job: string; place: number }[] {
    land(job, place);
    const found = followers.all(job, place);
    if (found.length > 0) unfollow(job, place);
    return found;
  }

  return {
    accept(jobs: readonly Job[], { digest, now }: { digest: string; now: number }): Accepted[] {
      // What the cache answers in full takes no write lock, so it does not wait for those who write.
      const answers = jobs.map((job) => answerFromCache(job, digest, now));
      if (answers.every((answer) => answer !== undefined)) return answers;
      return file.write(() => {
        const accepted = jobs.map((job, at) => answers[at] ?? acceptOne(job, digest, now));
        prune(now, jobs.length);
        return accepted;
      });
    },

    complete({ model, outcomes, replyTo, now }: Completed): { stored: number; duplicates: number } {
      return file.write(() => {
        const models = new Map<ModelRef, string>();
        const modelId = (ref: ModelRef): string => {
          const id = models.get(ref) ?? results.modelId(ref);
          models.set(ref, id);
          return id;
        };
        const settled = settlement(now, replyTo);
        let stored = 0;
        for (const outcome of outcomes) {
          const ref = ownModel(outcome) ?? model;
          const result = { text: textOf(outcome), model: modelId(ref), cached: false };
          const failed = outcome.status === 'failed';
          const at = settled.placeOf(outcome.id);
          if (!at || !settled.add(at.job, at.place, result, failed)) continue;
          stored += 1;
          if (outcome.status === 'done') {
            const key = cacheKey(ref.digest, outcome.prediction);
            savePrediction(key, result.text, result.model, now + kept.prediction);
          }
          for (const follower of landed(at.job, at.place))
            settled.add(follower.job, follower.place, result, failed);
        }
        settled.finish();
        const duplicates = outcomes.length - stored;
        results.count('duplicates', duplicates);
        prune(now, stored);
        return { stored, duplicates };
      });
    },

    overdue({ now, limit }: { now: number; limit: number }): Job[] {
      return file.write(() => {
        const jobs: Job[] = [];
        const settled = settlement(now);
        let requests = 0;
        for (const { id, list, size, open, attempts } of overdueJobs.all(now, now + furthest, limit)) {
          if (requests > 0 && requests + open > limit) break;
          requests += open;
          const places = list ? Array.from({ length: size }, (_, at) => at) : [single];
          if (attempts < maxAttempts) {
            setDeadline(now + patience(attempts + 1), id);
            const body = bodyOf.get(id);
            if (body) jobs.push(jobOf(body.text, (place) => !results.ofRequest(id, place)));
            continue;
          }
          for (const place of places) {
            if (!settled.add(id, place, { text: exhausted, model: null, cached: false }, true)) continue;
            // What joined it would wait on; it is published itself by the next sweep.
            for (const follower of landed(id, place)) dueNow(now, follower.job);
          }
        }
        settled.finish();
        prune(now, requests);
        return jobs;
      });
    },

    find(id: string, now: number): Found {
      const job = jobById.get(id);
      if (!job) return { status: 'unknown' };
      if (job.gone) return { status: job.expires !== null && job.expires < now ? 'unknown' : 'expired' };
      if (job.expires !== null && job.expires < now) return { status: 'expired' };
      return foundJob(job.list, job.open > 0, results.ofJob(id, job.size));
    },
  };
}
