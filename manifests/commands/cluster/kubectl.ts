import { spawn } from 'node:child_process';
import * as v from 'valibot';
import { Failure } from '../../../eventing/commands/command.ts';

/** What kubectl, or the cluster's state, prevents. */
export class ClusterFault extends Failure {
  override name = 'ClusterFault';
}

/** Runs kubectl and returns its output; `timeout` is per request, `0` for none. Throws `ClusterFault` with kubectl's words. */
export async function kubectl(args: readonly string[], input?: string, timeout = '20s'): Promise<string> {
  return new Promise((resolve, reject) => {
    // Behind `--` stands a command of a container.
    const end = args.includes('--') ? args.indexOf('--') : args.length;
    const all = args.toSpliced(end, 0, `--request-timeout=${timeout}`);
    const child = spawn('kubectl', all, { stdio: ['pipe', 'pipe', 'pipe'] });
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
