import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const source = path.join(import.meta.dirname, 'src');
const target = path.resolve(import.meta.dirname, '../dist/page');

/** A file of the page as it is served: assets are named by their content, so that browsers may keep them for ever. */
type Asset = { name: string; content: Uint8Array };

function named(file: string, content: Uint8Array): Asset {
  const { name, ext } = path.parse(file);
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 10);
  return { name: `assets/${name}-${hash}${ext}`, content };
}

async function bundle(file: string): Promise<Asset> {
  const { outputFiles } = await build({
    entryPoints: [path.join(source, file)],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`${file} makes no output`);
  return named(file.replace(/\.tsx?$/, '.js'), output.contents);
}

/** Builds the page into `functions/ingress/dist/page`, each file also compressed with brotli and gzip. */
export async function bundlePage(): Promise<void> {
  const assets = await Promise.all([
    bundle('main.tsx'),
    bundle('style.css'),
    readFile(path.join(source, 'icon.svg')).then((content) => named('icon.svg', content)),
  ]);
  const names = new Map(
    assets.map(({ name }) => [name.replace(/^assets\/(.+)-.{10}(\.\w+)$/, '$1$2'), name]),
  );
  const html = (await readFile(path.join(source, 'index.html'), 'utf8')).replace(
    /\{\{(.+?)\}\}/g,
    (_, name: string) => {
      const asset = names.get(name);
      if (asset === undefined) throw new Error(`index.html names ${name}, which is not built`);
      return asset;
    },
  );
  await rm(target, { recursive: true, force: true });
  await mkdir(path.join(target, 'assets'), { recursive: true });
  for (const { name, content } of [...assets, { name: 'index.html', content: Buffer.from(html) }]) {
    await writeFile(path.join(target, name), content);
    await writeFile(path.join(target, `${name}.br`), brotliCompressSync(content));
    await writeFile(path.join(target, `${name}.gz`), gzipSync(content));
  }
}
