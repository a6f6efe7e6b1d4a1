import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../../../commands/command.ts';
import type { Message } from './queues.ts';

/** `size`: bytes of the body. */
export type Stored = { id: number; queue: string; size: number };

/**
 * The durable side of the embedded broker: one SQLite file. A returned commit is in the hands of the operating system (WAL, synchronous NORMAL).
 * It survives `kill -9` of the process; a power cut may take the last few.
 */
export function openQueueFile(file: string) {
  const db = new DatabaseSync(file);
  try {
    // Exclusive until close: a second runtime on the same folder would deliver every message twice.
    db.exec('PRAGMA busy_timeout = 2000; PRAGMA locking_mode = EXCLUSIVE;');
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    db.exec(`BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS message (
      id INTEGER PRIMARY KEY, queue TEXT NOT NULL, properties TEXT NOT NULL, body BLOB NOT NULL) STRICT; COMMIT`);
    // An unreadable message would end the process at its turn, and again after each start.
    const { quick_check: found } = db.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (found !== 'ok') throw new Error(found);
  } catch (error) {
    db.close();
    throw new Failure(
      `the queues in ${file} cannot be used: ${(error as Error).message}. Close what else has the file open; a damaged one can be moved away: requests that are not answered yet are published again from the store.`,
      { cause: error },
    );
  }
  const insert = db.prepare('INSERT INTO message (id, queue, properties, body) VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM message WHERE id = ?');
  const select = db.prepare('SELECT properties, body FROM message WHERE id = ?');
  const all = db.prepare('SELECT id, queue, length(body) AS size FROM message ORDER BY id');

  return {
    begin: () => {
      db.exec('BEGIN IMMEDIATE');
    },
    commit: () => {
      db.exec('COMMIT');
    },
    rollback: () => {
      if (db.isTransaction) db.exec('ROLLBACK');
    },
    insert: (id: number, queue: string, { body, ...properties }: Message) => {
      insert.run(id, queue, JSON.stringify(properties), body);
    },
    remove: (id: number) => {
      remove.run(id);
    },
    read(id: number): Message {
      const row = select.get(id) as { properties: string; body: Uint8Array } | undefined;
      if (!row) throw new Error(`message ${id} is not in ${file}: the file was changed by another process`);
      return { ...(JSON.parse(row.properties) as Omit<Message, 'body'>), body: row.body };
    },
    stored: () => all.all() as Stored[],
    close: () => {
      db.close();
    },
  };
}
