import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import * as v from 'valibot';
import { StoreUnavailable } from '../store.ts';
import { layout as current, schema } from './schema.ts';

/** An SQLite file with prepared statements, whose rows are parsed, and transactions that take the write lock at once. */
export type SqliteFile = ReturnType<typeof openSqliteFile>;

/** Opens the file, made if missing. Throws with the remedy for a missing folder, and `StoreUnavailable` for a file of another kind or no permission. */
export function openSqliteFile(file: string) {
  const folder = path.dirname(path.resolve(file));
  if (file === '') throw new Error('STORE_URL=sqlite: names no file; write sqlite:path/of/file');
  if (!existsSync(folder))
    throw new Error(`STORE_URL=sqlite:${file}: the folder ${folder} does not exist; make it first`);
  const database = openDatabase(file);

  const statement = <Row>(sql: string, row: v.GenericSchema<unknown, Row>) => {
    const prepared = database.prepare(sql);
    return {
      get: (...values: SQLInputValue[]): Row | undefined => {
        const found = prepared.get(...values);
        return found === undefined ? undefined : v.parse(row, found);
      },
      all: (...values: SQLInputValue[]): Row[] => prepared.all(...values).map((found) => v.parse(row, found)),
    };
  };
  const insert = (sql: string) => {
    const prepared = database.prepare(sql);
    return (...values: SQLInputValue[]): number => Number(prepared.run(...values).lastInsertRowid);
  };
  const change = (sql: string) => {
    const prepared = database.prepare(sql);
    return (...values: SQLInputValue[]): number => Number(prepared.run(...values).changes);
  };
  const begin = database.prepare('BEGIN IMMEDIATE');
  const beginReading = database.prepare('BEGIN');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');
  function transaction<T>(opening: StatementSync, work: () => T): T {
    opening.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (database.isTransaction) rollback.run();
      throw error;
    }
  }
  return {
    statement,
    /** A statement that adds a row; it gives the row's number. */
    insert,
    /** A statement that changes rows; it gives how many. */
    change,
    /** Runs `work` in one write transaction: all of it happens, or nothing. */
    write: <T>(work: () => T): T => transaction(begin, work),
    /** Runs `work` on one state of the file, whatever others write meanwhile. */
    read: <T>(work: () => T): T => transaction(beginReading, work),
    /**
     * Runs `work` as soon as no other process writes; throws SQLite's errors as `StoreUnavailable`. It waits here, not in SQLite: the busy
     * handler there stops the whole process for up to 100 ms at a time. So `work` writes in one transaction only.
     */
    async guarded<T>(work: () => T): Promise<T> {
      const end = performance.now() + busyPatience;
      for (;;) {
        try {
          return work();
        } catch (cause) {
          if (!isSqliteError(cause)) throw cause;
          if ((cause.errcode & primaryCode) !== busy || performance.now() > end)
            throw new StoreUnavailable(`the store sqlite:${file} does not take the work: ${cause.message}`, {
              cause,
            });
        }
        await wait(1);
      }
    },
    close: () => {
      database.close();
    },
  };
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: busyPatience });
    // WAL: readers and the writer of several processes do not block each other. NORMAL: no commit is lost when a process dies; the last ones may
    // be lost when the machine dies (docs/durability.md).
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;',
    );
    database.exec('BEGIN IMMEDIATE');
    const made = v.parse(Made, database.prepare(madeSql).get());
    if (made.tables === 0) database.exec(`${schema} PRAGMA user_version = ${current}`);
    else if (made.layout !== current) throw new OtherLayout(made.layout);
    database.exec('COMMIT; PRAGMA busy_timeout = 0');
    return database;
  } catch (cause) {
    database?.close();
    throw new StoreUnavailable(`STORE_URL=sqlite:${file}: ${remedy(cause)}`, { cause });
  }
}

/** A yes or no of SQLite, which has only numbers. */
export const flag = v.pipe(
  v.number(),
  v.transform((value) => value === 1),
);

const Made = v.object({ layout: v.number(), tables: v.number() });
const madeSql =
  'SELECT user_version AS layout, (SELECT count(*) FROM sqlite_schema) AS tables FROM pragma_user_version';

class OtherLayout extends Error {
  constructor(layout: number) {
    super(
      `the file is no store of this version of Kickoff (its layout is ${layout}, not ${current}); name another, or move it out of the way`,
    );
  }
}

/** Whether SQLite itself threw it. */
export function isSqliteError(error: unknown): error is Error & { errcode: number } {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** The longest wait for other writing processes, in ms. */
const busyPatience = 5000;

const primaryCode = 0xff;
const busy = 5;
const notADatabase = 26;
const cannotOpen = 14;
const readOnly = 8;

function remedy(cause: unknown): string {
  if (cause instanceof OtherLayout) return cause.message;
  if (!isSqliteError(cause)) return String(cause);
  const code = cause.errcode & primaryCode;
  if (code === notADatabase)
    return 'the file is not an SQLite database; name another, or move it out of the way';
  if (code === cannotOpen) return 'cannot be opened; it must be a file that this user may read and write';
  if (code === readOnly) return 'cannot be written; give this user the right to write it and its folder';
  return cause.message;
}
