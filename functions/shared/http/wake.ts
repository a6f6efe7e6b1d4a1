import { send } from './client.ts';

/**
 * Asks each URL once and forgets the answer: the first function that wakes starts the others of the chain at the same time, instead of
 * each waking the next when it has done its own part.
 */
export function wake(urls: readonly string[]): void {
  for (const url of urls) send(url, { method: 'GET' }, 30_000).catch(() => undefined);
}
