import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../command.ts';

/** Another runtime uses the state folder. */
export class StateInUse extends Failure {
  override name = 'StateInUse';
}

/**
 * Takes a state folder for this process. The lock is SQLite's on a file: the kernel lets go of it whatever ends the process, so that a
 * `kill -9` leaves nothing to clean up. Throws `StateInUse`.
 */
export function lockState(folder: string): { release(): void } {
  mkdirSync(folder, { recursive: true });
  const pidFile = path.join(folder, 'runtime.pid');
  const database = new DatabaseSync(path.join(folder, 'lock.db'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    let holder = '';
    try {
      holder = ` (pid ${readFileSync(pidFile, 'utf8')})`;
    } catch {
      // it has just begun
    }
    throw new StateInUse(
      `the state folder ${folder} is in use by another runtime${holder}: stop it, or set KICKOFF_STATE to another folder`,
      { cause: error },
    );
  }
  writeFileSync(pidFile, String(process.pid));
  return {
    release() {
      database.close();
    },
  };
}
