import { setImmediate as turn } from 'node:timers/promises';
import * as v from 'valibot';
import type { Audit, Claim, DeadLetter, Store } from '../store.ts';
import { DeadLetterRecord, type Kept, lettersKept } from '../rules.ts';
import { openSqliteFile } from './file.ts';
import { sqliteHistory } from './history.ts';
import { sqliteLedger } from './ledger.ts';
import { sqliteListening } from './listen.ts';
import { span, sqliteResults } from './results.ts';

const Text = v.object({ text: v.string() });
const Count = v.object({ name: v.string(), value: v.number() });
const Id = v.object({ id: v.string() });
const ClaimRow = v.object({ id: v.string(), fingerprint: v.string() });

/** A store in one SQLite file, which several processes may share. See `openSqliteFile` for what it refuses. */
export function openSqliteStore(path: string, kept: Kept): Store {
  const file = openSqliteFile(path);
  const results = sqliteResults(file);
  const ledger = sqliteLedger(file, results, kept);
  const listening = sqliteListening(file, results);

  const liveClaim = file.statement(
    'SELECT id, fingerprint FROM claims WHERE key = ? AND expires > ?',
    ClaimRow,
  );
  const saveClaim = file.change(
    'INSERT OR REPLACE INTO claims (key, id, fingerprint, expires) VALUES (?, ?, ?, ?)',
  );
  const letters = file.statement('SELECT text FROM dead_letters ORDER BY expires, id', Text);
  const letterById = file.statement('SELECT text FROM dead_letters WHERE id = ?', Text);
  const saveLetter = file.change(
    'INSERT OR REPLACE INTO dead_letters (id, signed, expires, bytes, text) VALUES (?, ?, ?, ?, ?)',
  );
  const weighLetters = file.statement(
    'SELECT count(*) AS count, ifnull(sum(bytes), 0) AS bytes FROM dead_letters WHERE signed = ?',
    v.object({ count: v.number(), bytes: v.number() }),
  );
  const oldestLetter = file.statement(
    'SELECT id, bytes FROM dead_letters WHERE signed = ? ORDER BY expires LIMIT 1',
    v.object({ id: v.string(), bytes: v.number() }),
  );
  const deleteLetter = file.change('DELETE FROM dead_letters WHERE id = ?');
  const counts = file.statement('SELECT name, value FROM counts', Count);
  const openCount = file.statement(
    "SELECT 'open' AS name, ifnull(sum(open), 0) AS value FROM jobs WHERE deadline IS NOT NULL",
    Count,
  );
  const unaccounted = file.statement(
    `SELECT id FROM jobs WHERE gone = 0 AND (
      (deadline IS NULL) <> (open = 0) OR (deadline IS NULL) <> (expires IS NOT NULL)
      OR open <> size - (SELECT count(*) FROM results
        WHERE request BETWEEN seq * ${span} AND seq * ${span} + size - 1)) LIMIT 1000`,
    Id,
  );
  /** Drops the oldest letters where there are too many; how many. */
  function dropLetters(signed: 0 | 1): number {
    let { count, bytes } = weighLetters.get(signed) ?? { count: 0, bytes: 0 };
    let dropped = 0;
    while (count > lettersKept.count || bytes > lettersKept.bytes) {
      const oldest = oldestLetter.get(signed);
      if (!oldest) break;
      deleteLetter(oldest.id);
      count--;
      bytes -= oldest.bytes;
      dropped++;
    }
    return dropped;
  }
  const letter = ({ text }: v.InferOutput<typeof Text>): DeadLetter =>
    v.parse(DeadLetterRecord, JSON.parse(text));

  return {
    async accept(jobs, options) {
      // A commit costs more than many jobs: what this turn of the event loop still brings can gather for the next one.
      await turn();
      return file.guarded(() => {
        const accepted = ledger.accept(jobs, options);
        for (const [at, { outcomes }] of accepted.entries())
          listening.awaiting(jobs[at]?.replyTo, outcomes.filter((outcome) => !outcome).length);
        return accepted;
      });
    },
    complete: (completed) =>
      file.guarded(() => {
        const result = ledger.complete(completed);
        listening.wrote();
        return result;
      }),
    async overdue(options) {
      for (;;) {
        const { taken, jobs } = await file.guarded(() => ledger.overdue(options));
        listening.wrote();
        // All of them ended: behind them may be some to publish.
        if (taken === 0 || jobs.length > 0) return jobs;
      }
    },
    find: (id) => file.guarded(() => ledger.find(id, Date.now())),
    claim: (key, claim) =>
      file.guarded(() =>
        file.write((): Claim => {
          const earlier = liveClaim.get(key, Date.now());
          if (earlier) return earlier;
          saveClaim(key, claim.id, claim.fingerprint, Date.now() + kept.claim);
          return claim;
        }),
      ),
    listen: (replyTo, onSettled) => file.guarded(() => listening.listen(replyTo, onSettled)),
    audit: () =>
      file.guarded(() =>
        file.read((): Audit => {
          const value = new Map(counts.all().map((row) => [row.name, row.value]));
          return {
            accepted: value.get('accepted') ?? 0,
            done: value.get('done') ?? 0,
            failed: value.get('failed') ?? 0,
            open: openCount.get()?.value ?? 0,
            deadLettered: value.get('deadLettered') ?? 0,
            duplicates: value.get('duplicates') ?? 0,
            unaccounted: unaccounted.all().map(({ id }) => id),
          };
        }),
      ),
    deadLetters: {
      add: (added) =>
        file.guarded(() => {
          const text = JSON.stringify(added);
          const signed = added.signed ? 1 : 0;
          return file.write(() => {
            results.count('deadLettered', letterById.get(added.id) ? 0 : 1);
            saveLetter(added.id, signed, Date.now() + kept.deadLetter, Buffer.byteLength(text), text);
            return { dropped: dropLetters(signed) };
          });
        }),
      list: () => file.guarded(() => letters.all().map(letter)),
      find: (id) =>
        file.guarded(() => {
          const row = letterById.get(id);
          return row && letter(row);
        }),
      remove: (id) => file.guarded(() => deleteLetter(id) === 1),
    },
    history: sqliteHistory(file, results, kept),
    lastGood: {
      keep: (model) =>
        file.guarded(() => {
          file.write(() => results.lastGood.keep(model));
        }),
      find: () => file.guarded(() => results.lastGood.find()),
    },
    ping: () =>
      file.guarded(() => {
        file.write(() => undefined);
      }),
    async close() {
      listening.close();
      file.close();
    },
  };
}
