import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigFault, readConfig, urlOf } from '../functions/shared/config.ts';
import { openStore, type Store, StoreUnavailable } from '../functions/shared/store.ts';
import * as v from 'valibot';

/** How an operator's command is called and what it says: `exit` is 0 done, 1 not as it should be, 2 wrong usage or nothing to ask. */
export type Command = {
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  print: (line: string) => void;
  complain: (line: string) => void;
};

/** Wrong usage, or a place that cannot be asked; the message says what to do. */
export class Refusal extends Error {
  override name = 'Refusal';
}

const Environment = v.object({
  STORE_URL: v.optional(urlOf('redis', 'rediss', 'sqlite'), 'sqlite:.kickoff/store.db'),
  BROKER_URL: v.optional(urlOf('http', 'https'), 'http://127.0.0.1:8080/local/broker/'),
});

/** Runs `work` on the store of the environment, and gives the exit code. */
export async function onStore(
  { env, complain }: Command,
  work: (store: Store, brokerUrl: string) => Promise<0 | 1>,
): Promise<0 | 1 | 2> {
  let store: Store | undefined;
  try {
    const { STORE_URL: url, BROKER_URL } = readConfig(Environment, env);
    const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : undefined;
    // Opening would make it, and an empty new store would look like a clean one.
    if (file !== undefined && !existsSync(file))
      throw new Refusal(`there is no store at ${file}: set STORE_URL, or run this where Kickoff was started`);
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

/**
 * Carries out a command of words and `--json`: prints `help` where that is asked for, and says what a `Refusal` says. `work` gets the words.
 */
export async function runCommand(
  { args, print, complain }: Command,
  help: string,
  work: (words: readonly string[], json: boolean) => Promise<0 | 1 | 2>,
): Promise<0 | 1 | 2> {
  try {
    const { values, positionals } = parseOrRefuse(() =>
      parseArgs({
        args: [...args],
        allowPositionals: true,
        options: { json: { type: 'boolean', default: false }, help: { type: 'boolean' } },
      }),
    );
    if (!values.help) return await work(positionals, values.json);
    print(help);
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    return 2;
  }
}

/** The command that this process was started as. */
export const ofProcess = (): Command => ({
  args: process.argv.slice(2),
  env: process.env,
  print: console.log,
  complain: console.error,
});

/** Parses arguments with `parse`; what `node:util` refuses is a `Refusal` that points to `--help`. */
export function parseOrRefuse<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n(see --help)`);
  }
}
