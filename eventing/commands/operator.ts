import { existsSync } from 'node:fs';
import path from 'node:path';
import { ConfigFault, httpUrl, readConfig, storeUrl } from '../../functions/shared/config.ts';
import { openStore } from '../../functions/shared/store/open.ts';
import { type Store, StoreUnavailable } from '../../functions/shared/store/store.ts';
import * as v from 'valibot';
import { type Command, type Exit, Refusal } from './command.ts';

const Environment = v.object({
  STORE_URL: v.optional(storeUrl),
  KICKOFF_STATE: v.optional(v.string(), '.kickoff'),
  BROKER_URL: v.optional(httpUrl, 'http://127.0.0.1:8080/local/broker/'),
});

/** Runs `work` on the store of the environment; returns the exit code. */
export async function onStore(
  { env, complain }: Command,
  work: (store: Store, brokerUrl: string) => Promise<0 | 1>,
): Promise<Exit> {
  let store: Store | undefined;
  try {
    const { STORE_URL, KICKOFF_STATE, BROKER_URL } = readConfig(Environment, env);
    // The place where `npm start` with the same variables keeps it.
    const url = STORE_URL ?? `sqlite:${path.join(KICKOFF_STATE, 'store.db')}`;
    const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
    // Opening would make it: an empty new store would look like a clean one.
    if (file !== undefined && !existsSync(file))
      throw new Refusal(
        `there is no store at ${file}: set STORE_URL or KICKOFF_STATE, or run this where Kickoff was started`,
      );
    store = await openStore(url);
    return await work(store, BROKER_URL);
  } catch (error) {
    const expected =
      error instanceof Refusal || error instanceof ConfigFault || error instanceof StoreUnavailable;
    complain(
      error instanceof Error ? ((expected ? error.message : error.stack) ?? error.message) : String(error),
    );
    return 2;
  } finally {
    await store?.close();
  }
}
