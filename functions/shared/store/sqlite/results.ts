import * as v from 'valibot';
import { ModelRef } from '../../prediction.ts';
import type { StoredOutcome } from '../store.ts';
import { type Kept, requestId, shortId, single, storedOutcome } from '../rules.ts';
import { flag, type SqliteFile } from './file.ts';
import { hashOf } from './texts.ts';

/** A result as it is stored: `model` is the short id. */
export type Result = { text: string; model: string | null; cached: boolean };

/** A result that answers others with the same key, up to a time. */
export type Serves = { key: string; until: number };

/** Numbers reserved for a job's requests: more than it ever has. */
export const span = 1024;

/** The number of a request: those of a job lie side by side. */
export const requestOf = (seq: number, place: number): number => seq * span + Math.max(place, 0);

/** The job of a request, by its number. */
export const jobOfRequest = (request: number): number => Math.floor(request / span);

const Request = v.object({ request: v.number() });
const Text = v.object({ text: v.string() });
const Serving = v.object({ text: v.string(), model: v.string() });
const ResultRow = v.object({ text: v.string(), model: v.nullable(v.string()), cached: flag });
const PlacedResult = v.object({ ...ResultRow.entries, place: v.number() });
const NamedResult = v.object({ ...PlacedResult.entries, id: v.string(), list: flag });

/** The id of the model that answered last: longer than the short id of any model. */
const lastGood = 'the last good one';

/** The results of an SQLite store and the models that they came from; everything here belongs into a transaction of the caller. */
export function sqliteResults(file: SqliteFile) {
  const insert = file.change(
    'INSERT OR IGNORE INTO results (request, text, model, cached, key, hash, serves) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const serving = file.statement(
    'SELECT text, model FROM results WHERE hash = ? AND key = ? AND serves > ? ORDER BY request DESC LIMIT 1',
    Serving,
  );
  const byRequest = file.statement('SELECT request FROM results WHERE request = ?', Request);
  const byJob = file.statement(
    `SELECT request % ${span} AS place, text, model, cached FROM results WHERE request BETWEEN ? AND ?`,
    PlacedResult,
  );
  const named = file.statement(
    `SELECT jobs.id, list, request % ${span} AS place, text, model, cached FROM json_each(?)
      JOIN results ON request = value JOIN jobs ON seq = value / ${span}`,
    NamedResult,
  );
  const insertModel = file.change('INSERT OR IGNORE INTO models (id, text) VALUES (?, ?)');
  const saveModel = file.change('INSERT OR REPLACE INTO models (id, text) VALUES (?, ?)');
  const modelText = file.statement('SELECT text FROM models WHERE id = ?', Text);
  const deleteResults = file.change('DELETE FROM results WHERE request BETWEEN ? AND ?');
  const deleteJob = file.change('DELETE FROM jobs WHERE seq = ?');
  const addCount = file.change(
    'INSERT INTO counts (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value',
  );
  const models = new Map<string, ModelRef>();

  function modelOf(id: string | null): ModelRef | undefined {
    if (id === null) return undefined;
    const known = models.get(id);
    if (known) return known;
    const row = modelText.get(id);
    if (!row) return undefined;
    const model = v.parse(ModelRef, JSON.parse(row.text));
    models.set(id, model);
    return model;
  }

  function forgetResults(seq: number, size: number): void {
    deleteResults(requestOf(seq, 0), requestOf(seq, size - 1));
  }

  return {
    /** Stores the result of one request; false if it has one. */
    insert(request: number, { text, model, cached }: Result, serves?: Serves): boolean {
      const { key = null, until = null } = serves ?? {};
      return (
        insert(request, text, model, cached ? 1 : 0, key, key === null ? null : hashOf(key), until) === 1
      );
    },
    /** The result that serves for this key. */
    serving(key: string, now: number): Result | undefined {
      const found = serving.get(hashOf(key), key, now);
      return found && { ...found, cached: true };
    },
    has: (request: number): boolean => byRequest.get(request) !== undefined,
    /** The results of a job by place, with holes. */
    ofJob(seq: number, size: number): (StoredOutcome | undefined)[] {
      const outcomes: (StoredOutcome | undefined)[] = Array.from({ length: size });
      for (const { place, text, model, cached } of byJob.all(requestOf(seq, 0), requestOf(seq, size - 1)))
        outcomes[place] = storedOutcome(text, modelOf(model), cached);
      return outcomes;
    },
    /** The results of requests with their ids; `requests` is a JSON array of numbers. */
    named: (requests: string): ({ id: string } & StoredOutcome)[] =>
      named.all(requests).map(({ id, list, place, text, model, cached }) => ({
        id: requestId(id, list ? place : single),
        ...storedOutcome(text, modelOf(model), cached),
      })),
    forgetResults,
    /** Removes a job with its results. */
    forgetJob(seq: number, size: number): void {
      forgetResults(seq, size);
      deleteJob(seq);
    },
    /** The short id under which a model is stored. */
    modelId(model: ModelRef): string {
      const text = JSON.stringify(model);
      const id = shortId(text);
      insertModel(id, text);
      return id;
    },
    modelOf,
    lastGood: {
      keep: (model: ModelRef): unknown => saveModel(lastGood, JSON.stringify(model)),
      find: (): ModelRef | undefined => {
        const row = modelText.get(lastGood);
        return row && v.parse(ModelRef, JSON.parse(row.text));
      },
    },
    count(name: 'accepted' | 'done' | 'failed' | 'duplicates' | 'deadLettered', by: number): void {
      if (by > 0) addCount(name, by);
    },
  };
}
export type SqliteResults = ReturnType<typeof sqliteResults>;

/** Pruning is worth its cost after so many writes, or so many ms. */
const batch = 256;
const interval = 1000;

/** Removes what has expired. Its steps grow with what was written: no write waits long and nothing piles up. */
export function sqlitePruning(
  file: SqliteFile,
  results: SqliteResults,
  kept: Kept,
): (now: number, written: number) => void {
  const Due = v.object({ seq: v.number(), size: v.number(), gone: v.number() });
  const due = file.statement(
    'SELECT seq, size, gone FROM jobs WHERE expires < ? ORDER BY expires LIMIT ?',
    Due,
  );
  const remember = file.change(
    "UPDATE jobs SET gone = 1, fingerprints = '', expires = expires + ? WHERE seq = ?",
  );
  const others = ['claims', 'dead_letters'].map((table) => {
    const key = table === 'dead_letters' ? 'id' : 'key';
    return file.change(
      `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE expires < ? LIMIT ?)`,
    );
  });
  others.push(
    // The last one stays, so that no number is given twice.
    file.change(
      `DELETE FROM replies WHERE seq IN (SELECT seq FROM replies WHERE expires < ? ORDER BY seq LIMIT ?)
        AND seq < (SELECT max(seq) FROM replies)`,
    ),
  );
  let since = 0;
  let last = -Infinity;
  return function prune(now, written) {
    since += written;
    if (since < batch && performance.now() - last < interval) return;
    const limit = 2 * since + 2;
    since = 0;
    last = performance.now();
    for (const { seq, size, gone } of due.all(now, limit)) {
      if (gone) results.forgetJob(seq, size);
      else {
        results.forgetResults(seq, size);
        remember(kept.id - kept.result, seq);
      }
    }
    for (const remove of others) remove(now, limit);
  };
}
