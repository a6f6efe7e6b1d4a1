import { hash } from 'node:crypto';
import { canonicalText } from '../../../shared/fingerprint.ts';
import { Problem, retryLater } from '../../../shared/http/problem.ts';
import { type Store, StoreUnavailable } from '../../../shared/store/store.ts';
import type { Asked } from './fixtures.ts';

/**
 * The id of a request with this `Idempotency-Key`: `id` the first time; the first one's id again where the same caller asks the same with the same key.
 * Each caller has keys of its own. Throws a `Problem`: 400 for a key that is empty, over 255 characters or not visible ASCII, 422 for the key of
 * another request, 503 without the store.
 */
export async function claimedId(
  store: Pick<Store, 'claim'>,
  { caller, key }: { caller: string; key: string },
  { id, asked }: { id: string; asked: Pick<Asked, 'list' | 'fixtures'> },
): Promise<string> {
  if (!/^[!-~]{1,255}$/.test(key))
    throw new Problem(400, 'Idempotency-Key must have 1 to 255 visible ASCII characters');
  const texts = asked.fixtures.map(({ given }) => canonicalText(given)).join(',');
  const fingerprint = hash('sha256', asked.list ? `[${texts}]` : texts, 'base64url');
  const claim = await store
    .claim(hash('sha256', `${caller} ${key}`, 'base64url'), { id, fingerprint })
    .catch((error: unknown) => {
      if (error instanceof StoreUnavailable)
        throw retryLater('the store does not answer: no key can be honoured');
      throw error;
    });
  if (claim.fingerprint !== fingerprint)
    throw new Problem(422, 'this Idempotency-Key was used for another request');
  return claim.id;
}
