import { spawn } from 'node:child_process';
import * as v from 'valibot';

/** What the user must put right; shown without a stack. */
export class ClusterFault extends Error {
  override name = 'ClusterFault';
}

/** Runs kubectl and returns what it prints; `timeout` is of each request, `0` for none. Throws `ClusterFault` with kubectl's words. */
export async function kubectl(args: readonly string[], input?: string, timeout = '20s'): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', [...args, `--request-timeout=${timeout}`], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    let words = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    child.on('error', () => {
      reject(new ClusterFault('kubectl is not installed, or not on the PATH'));
    });
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new ClusterFault(`kubectl ${args.slice(0, 3).join(' ')}: ${words.trim()}`));
    });
    child.stdin.on('error', () => undefined).end(input);
  });
}

/** A JSON answer of kubectl, parsed by a schema. */
export async function kubectlJson<const S extends v.GenericSchema>(
  schema: S,
  args: readonly string[],
): Promise<v.InferOutput<S>> {
  return v.parse(schema, JSON.parse(await kubectl([...args, '-o', 'json'])));
}

/** Runs a command of this folder, and ends with its exit code; a `ClusterFault` is shown without a stack, as code 1. */
export async function command(run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    if (!(error instanceof ClusterFault)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
