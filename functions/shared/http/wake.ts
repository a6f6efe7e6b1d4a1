import { send } from './client.ts';

/**
 * Asks each URL once and ignores the answer. The first function that wakes starts the others of the chain at the same time. Otherwise each would
 * wake the next after its own part.
 */
export function wake(urls: readonly string[]): void {
  for (const url of urls) send(url, { method: 'GET' }, 30_000).catch(() => undefined);
}
