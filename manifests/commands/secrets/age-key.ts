import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { Failure } from '../../../eventing/commands/command.ts';

/** What sops, age or the files of secrets prevent. */
export class SecretsFault extends Failure {
  override name = 'SecretsFault';
}

/** Runs a program and returns its output. Throws `SecretsFault` with its words, or with `remedy` if it is not installed. */
export function runProgram(
  program: string,
  args: string[],
  options: { input?: string; env?: Record<string, string | undefined>; cwd: string },
): string {
  try {
    return execFileSync(program, args, { ...options, encoding: 'utf8', stdio: 'pipe', timeout: 60_000 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new SecretsFault(remedies[program] ?? `${program} is not installed`);
    const words = (error as { stderr?: string }).stderr;
    throw new SecretsFault(`${program} ${args[0] ?? ''}: ${words?.trim() ?? String(error)}`, {
      cause: error,
    });
  }
}

const remedies: Record<string, string> = {
  sops: 'sops is not installed: go install github.com/getsops/sops/v3/cmd/sops@v3.13.3',
  'age-keygen': 'age-keygen is not installed: apt-get install age',
  kubectl: 'kubectl is not installed',
};

/**
 * The recipient (public half) of the user's age key, as sops finds it: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, or sops's own file in the home. Makes a
 * missing key there, but never inside the project.
 */
export function recipient(root: string, env: Readonly<Record<string, string | undefined>>): string {
  const text = env['SOPS_AGE_KEY'];
  if (text) return runProgram('age-keygen', ['-y'], { input: text, cwd: root }).trim();
  const config = env['XDG_CONFIG_HOME'] ?? path.join(env['HOME'] ?? homedir(), '.config');
  const file = path.resolve(env['SOPS_AGE_KEY_FILE'] ?? path.join(config, 'sops/age/keys.txt'));
  if (!path.relative(root, file).startsWith('..'))
    throw new SecretsFault(
      `${file} is inside of the project: keep the age key elsewhere (SOPS_AGE_KEY_FILE)`,
    );
  if (!existsSync(file)) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    runProgram('age-keygen', ['-o', file], { cwd: root });
    console.log(`made an age key: ${file}. Keep a copy: without it nobody reads the secrets.`);
  }
  return runProgram('age-keygen', ['-y', file], { cwd: root }).trim().split('\n')[0] ?? '';
}
