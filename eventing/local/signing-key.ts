import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { signingKeys } from '../../functions/shared/events/signing-keys.ts';
import { Failure } from '../commands/command.ts';

/** The key that the functions of a state folder sign with; `undo` takes it away again where it was made just now. */
export type LocalKey = { keys: string; undo(): void };

/**
 * Reads the key of a state folder, made at the first start, for this user's eyes only. It stays: events that wait in the folder's queues are signed
 * with it. Throws `Failure` for a file that holds no key.
 */
export function localKey(stateFolder: string): LocalKey {
  const file = path.join(stateFolder, 'signing.key');
  const made = !existsSync(file);
  if (made) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
  const keys = readFileSync(file, 'utf8').trim();
  const { issues } = v.safeParse(signingKeys, keys);
  if (issues)
    throw new Failure(
      `${file} ${issues[0].message}; remove it: a new one is made, and what waits in the queues is published again by the sweep`,
    );
  return {
    keys,
    undo() {
      if (made) rmSync(file, { force: true });
    },
  };
}
