import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { ModelRef } from './prediction.ts';
import type { StoredOutcome } from './store.ts';
import { type Kept, storedOutcome } from './store-rules.ts';
import type { SqliteFile } from './store-sqlite-file.ts';

/** A result as it is stored: `model` is the short id. */
export type Result = { text: string; model: string | null; cached: boolean };

const Text = v.object({ text: v.string() });
const ResultRow = v.object({
  text: v.string(),
  model: v.nullable(v.string()),
  cached: v.pipe(
    v.number(),
    v.transform((value) => value === 1),
  ),
});
const PlacedResult = v.object({ ...ResultRow.entries, place: v.number() });

/** The results of an SQLite store and the models that they came from; everything here belongs into a transaction of the caller. */
export function sqliteResults(file: SqliteFile) {
  const insert = file.change(
    'INSERT OR IGNORE INTO results (job, place, text, model, cached) VALUES (?, ?, ?, ?, ?)',
  );
  const byPlace = file.statement(
    'SELECT text, model, cached FROM results WHERE job = ? AND place = ?',
    ResultRow,
  );
  const byJob = file.statement('SELECT place, text, model, cached FROM results WHERE job = ?', PlacedResult);
  const insertModel = file.change('INSERT OR IGNORE INTO models (id, text) VALUES (?, ?)');
  const modelText = file.statement('SELECT text FROM models WHERE id = ?', Text);
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

  return {
    /** Stores the result of one request; false if it has one. */
    insert: ({ job, place, text, model, cached }: Result & { job: string; place: number }): boolean =>
      insert(job, place, text, model, cached ? 1 : 0) === 1,
    ofRequest(job: string, place: number): StoredOutcome | undefined {
      const row = byPlace.get(job, place);
      return row && storedOutcome(row.text, modelOf(row.model), row.cached);
    },
    /** The results of a job by place, with holes. */
    ofJob(job: string, size: number): (StoredOutcome | undefined)[] {
      const outcomes: (StoredOutcome | undefined)[] = Array.from({ length: size });
      for (const { place, text, model, cached } of byJob.all(job))
        outcomes[Math.max(place, 0)] = storedOutcome(text, modelOf(model), cached);
      return outcomes;
    },
    /** The short id under which a model is stored. */
    modelId(model: ModelRef): string {
      const text = JSON.stringify(model);
      const id = createHash('sha256').update(text).digest('base64url').slice(0, 12);
      insertModel(id, text);
      return id;
    },
    modelOf,
    count(name: 'accepted' | 'done' | 'failed' | 'duplicates' | 'deadLettered', by: number): void {
      if (by > 0) addCount(name, by);
    },
  };
}
export type SqliteResults = ReturnType<typeof sqliteResults>;

/** Looking for what to remove is worth its cost after so many writes, or so many ms. */
const batch = 64;
const interval = 100;

/** Removes what is kept no longer, in steps that grow with what was written, so that no write waits long and nothing piles up. */
export function sqlitePruning(file: SqliteFile, kept: Kept): (now: number, written: number) => void {
  const Id = v.object({ id: v.string(), gone: v.number() });
  const due = file.statement('SELECT id, gone FROM jobs WHERE expires < ? ORDER BY expires LIMIT ?', Id);
  const forgetResults = file.change('DELETE FROM results WHERE job = ?');
  const remember = file.change('UPDATE jobs SET gone = 1, expires = expires + ? WHERE id = ?');
  const forget = file.change('DELETE FROM jobs WHERE id = ?');
  const others = ['predictions', 'claims', 'dead_letters'].map((table) => {
    const key = table === 'dead_letters' ? 'id' : 'key';
    return file.change(
      `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} WHERE expires < ? LIMIT ?)`,
    );
  });
  others.push(
    file.change(
      'DELETE FROM replies WHERE seq IN (SELECT seq FROM replies WHERE expires < ? ORDER BY seq LIMIT ?)',
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
    for (const { id, gone } of due.all(now, limit)) {
      if (gone) forget(id);
      else {
        forgetResults(id);
        remember(kept.id - kept.result, id);
      }
    }
    for (const remove of others) remove(now, limit);
  };
}
