import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const child = path.join(import.meta.dirname, 'child.ts');

/** Runs `child.ts` and gives what it printed, by lines; `killWhen` ends it with SIGKILL once it is true of them. */
export async function runChild(
  args: readonly (string | number)[],
  killWhen: (lines: readonly string[]) => boolean = () => false,
): Promise<string[]> {
  const running = spawn(process.execPath, [child, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  });
  let text = '';
  running.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (!running.killed && killWhen(text.split('\n'))) running.kill('SIGKILL');
  });
  await once(running, 'close');
  // The last line may be cut in two.
  return text.split('\n').slice(0, -1);
}
