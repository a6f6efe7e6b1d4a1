import path from 'node:path';
import { stop } from 'esbuild';
import { type Exit, Failure, ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { bundle, functionNames } from '../../functions/bundle.ts';
import { bundlePage } from '../../functions/ingress/page/build.ts';

const help = `npm run build [-- --json]

Bundles each function into functions/*/dist, as its image holds it, and the page into functions/ingress/dist/page.

  --json   the bundles as JSON

Exit code: 0 built, 1 the compiler found a fault, 2 wrong usage.`;

const command = ofProcess();
const frame = { help, options: { json: { type: 'boolean' } } } as const;
process.exitCode = await runCommand(command, frame, async ({ values }): Promise<Exit> => {
  try {
    const bundles = await Promise.all(functionNames().map(bundle));
    await bundlePage();
    const built = bundles.map((file) => path.relative(process.cwd(), file));
    command.print(values.json ? JSON.stringify(built) : built.join('\n'));
    return 0;
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    await stop();
  }
});
