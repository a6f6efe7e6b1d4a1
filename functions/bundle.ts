import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { build, stop } from 'esbuild';

const folder = import.meta.dirname;

// Bundled CommonJS packages ask for require, which an ES module does not have (evanw/esbuild#1921).
const banner = `import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);`;

/** The functions: every folder here with a `src/main.ts`. */
export function functionNames(): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(path.join(folder, name, 'src/main.ts')))
    .sort();
}

/**
 * Bundles `functions/<name>/src/main.ts` with all that it imports into `outFolder` (default `functions/<name>/dist`), as `main.mjs`. Native
 * code stays outside. The folder is replaced at once, so what runs from it never sees half of it. Throws with the compiler's messages.
 */
export async function bundle(
  name: string,
  outFolder: string = path.join(folder, name, 'dist'),
): Promise<string> {
  const fresh = `${outFolder}.new-${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await build({
    entryPoints: { main: path.join(folder, name, 'src/main.ts') },
    outdir: fresh,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true, // what is imported lazily is not parsed before it is needed
    minify: true,
    legalComments: 'none',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['onnxruntime-node'],
    banner: { js: banner },
    logLevel: 'silent',
  });
  await rm(outFolder, { recursive: true, force: true });
  await mkdir(path.dirname(outFolder), { recursive: true });
  await rename(fresh, outFolder);
  return path.join(outFolder, 'main.mjs');
}

if (import.meta.main) {
  for (const name of functionNames()) console.log(path.relative(process.cwd(), await bundle(name)));
  await stop();
}
