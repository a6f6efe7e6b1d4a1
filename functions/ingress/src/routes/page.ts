import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from 'hono';
import { Problem } from '../../../shared/http/problem.ts';
import type { HttpAnswer } from '../http/answer.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/** Nothing from elsewhere, nothing inline. Foreign text stays text: no HTML is made of strings. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const encodings = [
  ['br', '.br', /\bbr\b(?!\s*;\s*q=0(?:\.0*)?(?![\d.]))/],
  ['gzip', '.gz', /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?![\d.]))/],
] as const;

type File = { content: Uint8Array<ArrayBuffer>; etag: string; encoding: string | undefined };
export type Page = (c: Context, file: string) => Promise<HttpAnswer>;

/** Serves files of the built page in `folder`, read once. `npm run build` makes them; without them the answer is a 404 that says so. */
export function createPage(folder: string): Page {
  const files = new Map<string, Promise<File>>();

  async function load(name: string, encoding: (typeof encodings)[number] | undefined): Promise<File> {
    const content = new Uint8Array(await readFile(path.join(folder, name + (encoding?.[1] ?? ''))));
    const hash = createHash('sha256').update(content).digest('base64url').slice(0, 22);
    return { content, etag: `"${hash}"`, encoding: encoding?.[0] };
  }

  return async function page(c, name) {
    const accepted = c.req.header('accept-encoding') ?? '';
    const encoding = encodings.find(([, , pattern]) => pattern.test(accepted));
    const key = `${name} ${encoding?.[0] ?? ''}`;
    let file = files.get(key);
    if (!file) {
      file = load(name, encoding);
      files.set(key, file);
    }
    const {
      content,
      etag,
      encoding: encoded,
    } = await file.catch(() => {
      files.delete(key);
      throw new Problem(
        404,
        name.startsWith('assets/') ? 'there is nothing here' : 'the page is not built: npm run build',
      );
    });
    const headers = {
      etag,
      vary: 'accept-encoding',
      'cache-control': name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    };
    const matches = c.req
      .header('if-none-match')
      ?.split(',')
      .some((one) => one.trim().replace(/^W\//, '') === etag);
    if (matches) return { status: 304, headers };
    return {
      headers: {
        ...headers,
        'content-type': types[path.extname(name)] ?? 'application/octet-stream',
        ...(encoded === undefined ? {} : { 'content-encoding': encoded }),
      },
      body: content,
    };
  };
}

/** The paths of the page, each with its file: only those that the build makes, so that nothing else in the folder is reachable. */
export const pageFiles: readonly [path: string, file: (path: string) => string][] = [
  ['/', () => 'index.html'],
  ['/docs', () => 'docs.html'],
  ['/openapi.json', () => 'openapi.json'],
  ['/assets/:file{[\\w.-]+\\.(?:js|css|svg)}', (path) => path.slice(1)],
];
