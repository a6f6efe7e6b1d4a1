import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import type { OutputFile, Plugin } from 'esbuild';

const functions = import.meta.dirname;
const aDayMs = 86_400_000;

// Bundled CommonJS packages ask for require, which an ES module does not have (evanw/esbuild#1921).
const banner = `import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);`;

/** Puts the Lua of the Redis store into the bundle: its files are not in the image, and a start reads none. */
const luaTexts: Plugin = {
  name: 'lua-texts',
  setup(build) {
    build.onLoad({ filter: /\/shared\/store\/redis\/lua\.ts$/ }, ({ path: file }) => {
      const folder = path.join(path.dirname(file), 'scripts');
      const texts = readdirSync(folder).map((name) => [
        path.basename(name, '.lua'),
        readFileSync(path.join(folder, name), 'utf8'),
      ]);
      return {
        contents: `const texts = ${JSON.stringify(Object.fromEntries(texts))}; export const lua = (name) => texts[name];`,
      };
    });
  },
};

/** The functions: every folder here with a `src/main.ts`. */
export function functionNames(): string[] {
  return readdirSync(functions)
    .filter((name) => existsSync(path.join(functions, name, 'src/main.ts')))
    .sort();
}

/** Bundles a function with all that it imports. What it loads by `createRequire` (native code) stays out. Throws with the compiler's messages. */
async function outputsOf(folder: string, names: { entry: string; chunk: string }): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    entryPoints: { main: path.join(folder, 'src/main.ts') },
    outdir: path.join(folder, 'dist'),
    entryNames: names.entry,
    chunkNames: names.chunk,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    splitting: true, // what is imported lazily is not parsed before it is needed
    minify: true,
    legalComments: 'none',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    plugins: [luaTexts],
    banner: { js: banner },
    logLevel: 'silent',
  });
  return outputFiles;
}

async function write(output: OutputFile): Promise<void> {
  await mkdir(path.dirname(output.path), { recursive: true });
  // By rename: another process may load the file at this moment.
  const temporary = `${output.path}.${process.pid}`;
  await writeFile(temporary, output.contents);
  await rename(temporary, output.path);
}

function entryOf(outputs: OutputFile[], folder: string): string {
  const entry = outputs.find(({ path: file }) => /^(local-)?main/.test(path.basename(file)));
  if (!entry) throw new Error(`${folder}/src/main.ts makes no output`);
  return entry.path;
}

/** Bundles a function as its image holds it: `dist/main.mjs`, with chunks beside it. */
export async function bundle(name: string): Promise<string> {
  const folder = path.join(functions, name);
  const outputs = await outputsOf(folder, { entry: 'main', chunk: '[name]-[hash]' });
  for (const output of outputs) await write(output);
  const dist = path.join(folder, 'dist');
  for (const file of readdirSync(dist))
    if (
      /\.mjs$/.test(file) &&
      !file.startsWith('local-') &&
      !outputs.some(({ path: own }) => own.endsWith(file))
    )
      await rm(path.join(dist, file));
  return entryOf(outputs, folder);
}

/**
 * Bundles the function in `folder` for the local platform, beside the image's files. Files are named by their content: a revision keeps its code
 * while newer ones come. Files that were not used for a day are removed.
 */
export async function bundleRevision(folder: string): Promise<string> {
  const outputs = await outputsOf(folder, { entry: 'local-main-[hash]', chunk: 'local-[name]-[hash]' });
  const now = new Date();
  for (const output of outputs) {
    if (existsSync(output.path)) await utimes(output.path, now, now);
    else await write(output);
  }
  const dist = path.join(folder, 'dist');
  for (const file of readdirSync(dist)) {
    if (!file.startsWith('local-')) continue;
    const { mtimeMs } = await stat(path.join(dist, file)).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs < now.getTime() - aDayMs) await rm(path.join(dist, file), { force: true });
  }
  return entryOf(outputs, folder);
}
