import { createHash } from 'node:crypto';
import { Problem, retryLater } from '../../../shared/http/problem.ts';
import { type Store, StoreUnavailable } from '../../../shared/store/store.ts';

/**
 * The id of a request with this `Idempotency-Key`: `id` the first time; the first one's id again for the same key and content. Throws a
 * `Problem`: 400 for a key that is empty, over 255 characters or not visible ASCII, 422 for the key of another request, 503 without the store.
 */
export async function claimedId(
  store: Pick<Store, 'claim'>,
  key: string,
  { id, content }: { id: string; content: unknown },
): Promise<string> {
  if (!/^[!-~]{1,255}$/.test(key))
    throw new Problem(400, 'Idempotency-Key must have 1 to 255 visible ASCII characters');
  const fingerprint = createHash('sha256').update(JSON.stringify(content)).digest('base64url');
  const claim = await store.claim(key, { id, fingerprint }).catch((error: unknown) => {
    if (error instanceof StoreUnavailable)
      throw retryLater('the store does not answer: no key can be honoured');
    throw error;
  });
  if (claim.fingerprint !== fingerprint)
    throw new Problem(422, 'this Idempotency-Key was used for another request');
  return claim.id;
}
