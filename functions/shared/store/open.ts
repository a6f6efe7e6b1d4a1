import { defaultKept, type Kept } from './rules.ts';
import type { Store } from './store.ts';

/**
 * Opens the store of a `STORE_URL`: `redis://…`, `rediss://…` or `sqlite:path`. Refuses any other URL, and a file that cannot be used. A
 * Redis that does not answer yet is no error: its store throws `StoreUnavailable` until it does. `kept` shortens how long things are kept.
 */
export async function openStore(url: string, { kept }: { kept?: Partial<Kept> } = {}): Promise<Store> {
  const scheme = /^([a-z]+):/.exec(url)?.[1];
  // Imported on demand: a function that uses one store does not pay for loading the other.
  if (scheme === 'sqlite') {
    const { openSqliteStore } = await import('./sqlite/store.ts');
    return openSqliteStore(url.slice('sqlite:'.length), { ...defaultKept, ...kept });
  }
  if (scheme === 'redis' || scheme === 'rediss') {
    const { openRedisStore } = await import('./redis/store.ts');
    return openRedisStore(url, { ...defaultKept, ...kept });
  }
  throw new Error(
    `STORE_URL must be redis://host:port, rediss://host:port or sqlite:path/of/file, not ${scheme ? `${scheme}:…` : 'a text without a scheme'}`,
  );
}
