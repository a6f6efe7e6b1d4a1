import { hash } from 'node:crypto';
import { v5 } from 'uuid';
import type { Fixture } from './prediction.ts';

/** The namespace of ledger ids. Producers know it (docs/producing-events.md). */
export const ledgerNamespace = '2b7e9d14-6c3f-5f8a-9e05-41d8a7c6f3b2';

/**
 * The id of a request in the ledger: UUIDv5 (RFC 9562) of the producer's `source` and its id, with a line feed between. Two producers may use the same id.
 * Without a source it is a request of ingress, whose own id nobody else can name.
 */
export function ledgerId({ id, source }: { id: string; source?: string | undefined }): string {
  return source === undefined ? id : v5(`${source}\n${id}`, ledgerNamespace);
}

/** The length of a fingerprint. */
export const fingerprintLength = 12;

/**
 * What was asked, in 72 bits: the SHA-256 of its canonical JSON (RFC 8785), so of members in the order of their names. A request has the same one after
 * the ledger has kept it.
 */
export function fingerprintOf(asked: Fixture): string {
  return hash('sha256', canonicalText(asked), 'base64url').slice(0, fingerprintLength);
}

/** The fingerprint of a request that cannot be read: the ledger accepts none like it. */
export const unreadable = '-'.repeat(fingerprintLength);

/** A fixture as canonical JSON (RFC 8785). A grid that is not wanted is not asked for. */
export function canonicalText({ away, home, kickoff, league, scoreline }: Fixture): string {
  return JSON.stringify({ away, home, kickoff, league, scoreline: scoreline === true ? true : undefined });
}
