import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { Failure } from '../../commands/command.ts';

const run = promisify(execFile);
/** A function's entry file, named by its content, and a digest of the whole bundle: ingress has the page beside its code. */
const Bundle = v.object({ file: v.string(), digest: v.string() });
const Bundles = v.record(v.string(), Bundle);

/** A function's source does not bundle: the message is esbuild's, with file and line. */
export class BundleError extends Failure {
  override name = 'BundleError';
}

/** Bundles the functions in these folders, and queue-proxy if a file for it is given. Throws `BundleError`. */
export async function bundleFunctions(
  folders: readonly string[],
  queueProxy?: string,
): Promise<v.InferOutput<typeof Bundles>> {
  const script = path.join(import.meta.dirname, 'bundle-revisions.ts');
  try {
    const { stdout } = await run(process.execPath, [script, queueProxy ?? '', ...folders], {
      timeout: 60_000,
    });
    return v.parse(Bundles, JSON.parse(stdout));
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new BundleError(stderr || String(error), { cause: error });
  }
}
