import { loadCrypto } from './builtins.ts';
import type { Fixture } from './prediction.ts';

/** The length of a fingerprint. */
export const fingerprintLength = 12;

/**
 * What was asked, in 72 bits: the SHA-256 of its canonical JSON (RFC 8785), so of members in the order of their names. A request has the same one after
 * the ledger has kept it.
 */
export function fingerprintOf(asked: Fixture): string {
  return loadCrypto().hash('sha256', canonicalText(asked), 'base64url').slice(0, fingerprintLength);
}

/** The fingerprint of a request that cannot be read: the ledger accepts none like it. */
export const unreadable = '-'.repeat(fingerprintLength);

/** A fixture as canonical JSON (RFC 8785). A grid that is not wanted is not asked for. */
export function canonicalText({ away, home, kickoff, league, scoreline }: Fixture): string {
  return JSON.stringify({ away, home, kickoff, league, scoreline: scoreline === true ? true : undefined });
}
