import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Command, runCommand } from '../../../eventing/commands/command.ts';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
/** The npm scripts that are programs of ours: the others start vitest, eslint, prettier and tsc. */
const own = Object.entries(scripts).flatMap(([name, line]) =>
  line.startsWith('node ') ? [{ name, args: line.split(' ').slice(1) }] : [],
);

type Ended = { code: number; out: string; err: string };
function run(args: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    // Nothing of the machine's: a command that acted before it read its options would find nothing to act on.
    const env = { PATH: process.env['PATH'], KUBECONFIG: '/nowhere', NO_COLOR: '1', ...more };
    const child = execFile(process.execPath, args, { env, timeout: 60_000 }, (_, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

test('knows the scripts', () => {
  expect(own.length).toBeGreaterThan(15);
});

test.each(own)(
  'npm run $name names the option that it does not know, with those that it does',
  { timeout: 90_000 },
  async ({ args }) => {
    const { code, out, err } = await run([...args, '--nonsense']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^Unknown option '--nonsense'; there is .*--help\n\(see --help\)\n$/);
  },
);

test.each(own)(
  'npm run $name says with --help what it does and what its exit codes mean',
  { timeout: 90_000 },
  async ({ name, args }) => {
    const { code, out, err } = await run([...args, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`npm (run )?(--silent )?${name}`));
    expect(out).toMatch(/^Exit code: 0 /m);
    expect(out).not.toMatch(/[^\P{Cc}\n]/u);
  },
);

test.each(['--rate', '--seed'])('test:chaos refuses a %s that is no number', async (option) => {
  for (const value of ['x', '0']) {
    const { code, err } = await run(['test/chaos/main.ts', option, value]);
    expect(code).toBe(2);
    expect(err).toBe(`${option} ${value}: must be a whole number from 1 on\n(see --help)\n`);
  }
});

test('publish-model refuses a MLFLOW_TRACKING_URI that is none in one line', async () => {
  expect(await run(['manifests/commands/publish-model.ts'], { MLFLOW_TRACKING_URI: 'nonsense' })).toEqual({
    ...{ code: 2, out: '' },
    err: 'MLFLOW_TRACKING_URI must be a URL: http://… or https://…\n',
  });
});

test('what others wrote does not reach the terminal as it is', async () => {
  const program = `import { ofProcess } from ${JSON.stringify(`${process.cwd()}/eventing/commands/command.ts`)};
    ofProcess().print('type \\u001b]0;owned\\u0007\\u009b31m\\u202e\\nnext'); ofProcess().complain('\\u001b[2J');`;
  const { out, err } = await run(['--input-type=module-typescript', '--eval', program]);
  expect(out).toBe('type \\u001b]0;owned\\u0007\\u009b31m\\u202e\nnext\n');
  expect(err).toBe('\\u001b[2J\n');
});

test('a word too many is refused', async () => {
  const said: string[] = [];
  const command: Command = {
    args: ['one', 'two'],
    env: {},
    print: (text) => said.push(text),
    complain: (text) => said.push(text),
  };
  expect(await runCommand(command, { help: '', options: {}, words: 1 }, () => 0)).toBe(2);
  expect(said).toEqual(['what is "two"?\n(see --help)']);
});
