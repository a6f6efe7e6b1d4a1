import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { loadCrypto } from '../builtins.ts';

// Apart from signature.ts: a function reads its environment before it loads what reads events.

export type Key = { id: string; secret: KeyObject };

/** The keys of our own events: the first signs, each of them is believed. Two of them while one takes the place of the other. */
export type Keys = readonly [Key, ...Key[]];

// 32 bytes in base64url; in hexadecimal they are 64 characters.
const keyLength = 43;

// Made at its first use: a function reads its environment before anything needs node:crypto.
function makeKey(text: string): Key {
  let made: Key | undefined;
  const key = (): Key =>
    (made ??= {
      id: loadCrypto().hash('sha256', text, 'base64url').slice(0, 6),
      secret: loadCrypto().createSecretKey(text, 'utf8'),
    });
  return {
    get id() {
      return key().id;
    },
    get secret() {
      return key().secret;
    },
  };
}

/** One or two keys separated by blanks, each the text of 32 random bytes in base64url or hexadecimal. Faults do not show the keys. */
export const signingKeys = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): Keys => {
    const fault = (message: string): never => {
      addIssue({ message });
      return NEVER;
    };
    const given = dataset.value.split(/\s+/).filter(Boolean);
    const [first, second, ...more] = given;
    if (first === undefined || more.length > 0)
      return fault(`must be one or two keys, separated by a blank; these are ${given.length}`);
    for (const [n, key] of given.entries()) {
      if (!/^[\w+/=-]+$/.test(key))
        return fault(`key ${n + 1} has characters that neither base64url nor hexadecimal has`);
      if (key.length < keyLength)
        return fault(
          `key ${n + 1} has ${key.length} characters, and 32 random bytes at least ${keyLength}: openssl rand -hex 32`,
        );
    }
    if (first === second) return fault('the two keys are the same: leave one out');
    return second === undefined ? [makeKey(first)] : [makeKey(first), makeKey(second)];
  }),
);
