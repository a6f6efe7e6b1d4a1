import path from 'node:path';
import { build, stop } from 'esbuild';
import { bundleRevision } from '../../../functions/bundle.ts';
import { bundlePage } from '../../../functions/ingress/page/build.ts';

const ingress = path.resolve(import.meta.dirname, '../../../functions/ingress');

/** For `--require`: it loads sooner than an import. */
async function bundleQueueProxy(outfile: string): Promise<void> {
  await build({
    entryPoints: [path.join(import.meta.dirname, '../serving/queue-proxy/main.ts')],
    outfile,
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    logLevel: 'silent',
  });
}

// In its own process: esbuild and its service would stay in the runtime's memory. Prints one JSON object, a `Bundle` by folder.
try {
  const [queueProxy = '', ...folders] = process.argv.slice(2);
  const [bundles] = await Promise.all([
    Promise.all(
      folders.map(async (folder) => {
        const [file, page] = await Promise.all([
          bundleRevision(folder),
          path.resolve(folder) === ingress ? bundlePage() : '',
        ]);
        return [folder, { file, digest: `${file} ${page}` }] as const;
      }),
    ),
    ...(queueProxy === '' ? [] : [bundleQueueProxy(queueProxy)]),
  ]);
  console.log(JSON.stringify(Object.fromEntries(bundles)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
await stop();
