import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { type Keys, signingKeys } from '../functions/shared/events/signing-keys.ts';

/** A new key, as SIGNING_KEYS has it. */
export const newKey = (): string => randomBytes(32).toString('base64url');

/** Keys as a function reads them. */
export const keysOf = (...texts: string[]): Keys => v.parse(signingKeys, texts.join(' '));

/** The key of the functions of this test, as SIGNING_KEYS has it and as they read it. */
export const signingKey = newKey();
export const keys = keysOf(signingKey);
