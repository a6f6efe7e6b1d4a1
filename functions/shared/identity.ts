import { v5 } from 'uuid';

/** The namespace of ledger ids. Producers know it (docs/producing-events.md). */
export const ledgerNamespace = '2b7e9d14-6c3f-5f8a-9e05-41d8a7c6f3b2';

/**
 * The id of a request in the ledger: UUIDv5 (RFC 9562) of the producer's `source` and its id, with a line feed between. Two producers may use the same id.
 * Without a source it is a request of ingress, whose own id nobody else can name.
 */
export function ledgerId({ id, source }: { id: string; source?: string | undefined }): string {
  return source === undefined ? id : v5(`${source}\n${id}`, ledgerNamespace);
}
