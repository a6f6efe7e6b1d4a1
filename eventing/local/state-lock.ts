import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../commands/command.ts';

/** Another runtime uses the state folder. */
export class StateInUse extends Failure {
  override name = 'StateInUse';
}

/** A state folder that this process holds. */
export type StateLock = {
  release(): void;
  /** Releases it and removes what taking it made: for a start that failed. */
  undo(): void;
};

/**
 * Takes a state folder for this process. The lock is SQLite's on a file: the kernel releases it however the process ends, so a `kill -9` leaves
 * nothing to clean up. Throws `StateInUse`, or `Failure` if the folder cannot be made or written.
 */
export function lockState(folder: string): StateLock {
  const lockFile = path.join(folder, 'lock.db');
  const pidFile = path.join(folder, 'runtime.pid');
  const newFiles = [lockFile, pidFile].filter((file) => !existsSync(file));
  const newFolders: string[] = [];
  let database: DatabaseSync | undefined;
  const lock: StateLock = {
    release() {
      database?.close();
    },
    undo() {
      for (const file of newFiles) if (existsSync(file)) rmSync(file);
      lock.release();
      try {
        for (const each of newFolders.toReversed()) rmdirSync(each);
      } catch {
        // not empty: a function may have accepted something before the start failed
      }
    },
  };
  try {
    // One by one: Node's `recursive` never ends below an existing folder that takes none, such as /proc (Node 24.21).
    for (const each of missing(folder)) {
      mkdirSync(each);
      newFolders.push(each);
    }
    database = new DatabaseSync(lockFile, { timeout: 0 });
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(pidFile, String(process.pid));
    return lock;
  } catch (error) {
    if (isBusy(error)) {
      lock.release();
      throw inUse(folder, pidFile, error);
    }
    lock.undo();
    throw unusable(folder, error);
  }
}

/** The missing folders on the way to this one, itself included; the outermost first. */
function missing(folder: string): string[] {
  return existsSync(folder) ? [] : [...missing(path.dirname(folder)), folder];
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}

function inUse(folder: string, pidFile: string, cause: unknown): StateInUse {
  let holder = '';
  try {
    holder = ` (pid ${readFileSync(pidFile, 'utf8')})`;
  } catch {
    // it has just begun
  }
  return new StateInUse(
    `the state folder ${folder} is in use by another runtime${holder}: stop it, or set KICKOFF_STATE to another folder`,
    { cause },
  );
}

function unusable(folder: string, cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Failure(
    `the state folder ${folder} cannot be used (${why}): set KICKOFF_STATE to a folder that this user may write`,
    { cause },
  );
}
