import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { docsPage, type Example } from './docs.ts';
import { openApi } from './openapi.ts';

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
    logLevel: 'silent',
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`${file} makes no output`);
  return named(file.replace(/\.tsx?$/, '.js'), output.contents);
}

/** The programs of docs/examples that the description shows, each with the words above it. */
const programs = {
  ask: {
    'predict.sh': 'curl: `sh predict.sh Arsenal Chelsea`',
    'predict.py': 'Python: `python3 predict.py`',
    'predict.ts': 'TypeScript, a matchday: `node predict.ts` (Node 24)',
  },
  produce: {
    'produce.sh': 'curl: `sh produce.sh`',
    'produce.py': 'Python: `pip install cloudevents`, `python3 produce.py`',
    'produce.ts': 'TypeScript: `npm install cloudevents`, `node produce.ts` (Node 24)',
    'produce_amqp.py': 'Python on RabbitMQ: `pip install pika cloudevents`, `python3 produce_amqp.py`',
  },
};

function readExamples(which: Readonly<Record<string, string>>): Promise<Example[]> {
  const folder = path.resolve(import.meta.dirname, '../../../docs/examples');
  return Promise.all(
    Object.entries(which).map(async ([file, run]) => ({
      file,
      run,
      text: await readFile(path.join(folder, file), 'utf8'),
    })),
  );
}

/**
 * Builds the page and the API description into `functions/ingress/dist/page`, each file also compressed with brotli and gzip. Returns the digest
 * of it all.
 */
export async function bundlePage(): Promise<string> {
  const assets = await Promise.all([
    bundle('main.tsx'),
    bundle('style.css'),
    readFile(path.join(source, 'icon.svg')).then((content) => named('icon.svg', content)),
  ]);
  const names = new Map(
    assets.map(({ name }) => [name.replace(/^assets\/(.+)-.{10}(\.\w+)$/, '$1$2'), name]),
  );
  const html = (await readFile(path.join(source, 'index.html'), 'utf8')).replace(
    /\{\{([^{}]+)\}\}/g,
    (_, name: string) => {
      const asset = names.get(name);
      if (asset === undefined) throw new Error(`index.html names ${name}, which is not built`);
      return asset;
    },
  );
  const asset = (name: string): string => names.get(name) ?? '';
  const described = openApi();
  const pages = {
    'index.html': html,
    'docs.html': docsPage(
      described,
      { style: asset('style.css'), icon: asset('icon.svg') },
      { ask: await readExamples(programs.ask), produce: await readExamples(programs.produce) },
    ),
    'openapi.json': JSON.stringify(described),
  };
  await mkdir(path.join(target, 'assets'), { recursive: true });
  const files = [
    ...assets,
    ...Object.entries(pages).map(([name, text]) => ({ name, content: Buffer.from(text) })),
  ];
  for (const { name, content } of files) {
    await write(name, content);
    await write(`${name}.br`, brotliCompressSync(content));
    await write(`${name}.gz`, gzipSync(content));
  }
  await removeOld(new Set(assets.map(({ name }) => path.basename(name))));
  const digest = createHash('sha256');
  for (const { name, content } of files) digest.update(`${name} ${content.length} `).update(content);
  return digest.digest('base64url');
}

/** By rename: a server may be reading the file. */
async function write(name: string, content: Uint8Array): Promise<void> {
  const temporary = path.join(target, `.${path.basename(name)}.${process.pid}`);
  await writeFile(temporary, content);
  await rename(temporary, path.join(target, name));
}

/** Removes assets of earlier builds, except those of the last day: a browser may still have a page that names them. */
async function removeOld(present: ReadonlySet<string>): Promise<void> {
  const folder = path.join(target, 'assets');
  for (const file of await readdir(folder)) {
    if (present.has(file.replace(/\.(br|gz)$/, ''))) continue;
    const { mtimeMs } = await stat(path.join(folder, file));
    if (mtimeMs < Date.now() - 86_400_000) await rm(path.join(folder, file), { force: true });
  }
}
