import { parseArgs, type ParseArgsConfig } from 'node:util';
import { visibleLines } from '../../functions/shared/visible.ts';

/** How a command is called and what it says: `print` and `complain` take a text of one or more lines. */
export type Command = {
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  print: (text: string) => void;
  complain: (text: string) => void;
};

/** The exit codes of every command: done, something is not as it should be, wrong usage or nothing to ask. */
export type Exit = 0 | 1 | 2;

/** Wrong usage, or a place that cannot be asked; the message says what to do. */
export class Refusal extends Error {
  override name = 'Refusal';
}

/** A failure that the user can put right: the message says why, and a stack would only hide it. */
export class Failure extends Error {
  override name: string = 'Failure';
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Call<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>
>;

/** What a command takes: its options beside `--help`, and at most this many words without one. */
type Frame<T extends Options> = { help: string; options: T; words?: number };

/**
 * Carries out a command. Prints its help on request, refuses options and words that it does not take, and turns a `Refusal` into exit code 2 and
 * a `Failure` into 1.
 */
export async function runCommand<T extends Options>(
  { args, print, complain }: Command,
  { help, options, words = 0 }: Frame<T>,
  work: (call: Call<T>) => Exit | Promise<Exit>,
): Promise<Exit> {
  try {
    if (args.some((arg) => arg === '--help' || arg === '-h')) {
      print(help);
      return 0;
    }
    const call = parse(args, options);
    const extra = call.positionals.slice(words);
    if (extra.length > 0) throw new Refusal(`what is ${JSON.stringify(extra.join(' '))}?\n(see --help)`);
    return await work(call);
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Failure)) throw error;
    complain(error.message);
    return error instanceof Refusal ? 2 : 1;
  }
}

function parse<T extends Options>(args: readonly string[], options: T): Call<T> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    const known = [...Object.keys(options), 'help'].map((name) => `--${name}`).join(', ');
    throw new Refusal(`${first}; there is ${known}\n(see --help)`, { cause: error });
  }
}

/** The command that this process was started as. Foreign data in its output cannot steer the terminal. */
export const ofProcess = (): Command => ({
  args: process.argv.slice(2),
  env: process.env,
  print: (text) => {
    console.log(visibleLines(text));
  },
  complain: (text) => {
    console.error(visibleLines(text));
  },
});
