import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPage } from '../../../../functions/ingress/src/routes/page.ts';

let folder: string;
const app = new Hono();
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kickoff-page-'));
  for (const ending of ['', '.br', '.gz']) await writeFile(path.join(folder, `index.html${ending}`), 'x');
  const page = createPage(folder);
  app.get('/', async (c) => {
    const { status = 200, headers = {}, body = null } = await page(c, 'index.html');
    return new Response(body, { status, headers });
  });
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['', null],
  ['identity', null],
  ['br;q=0', null],
  ['br; q=0.000 , gzip ;q=0', null],
  ['br;q=0, gzip', 'gzip'],
  ['gzip, br', 'br'],
  ['gzip, br;q=0.5', 'br'],
])('Accept-Encoding: %s gets %s', async (accepted, encoding) => {
  const response = await app.request('/', { headers: { 'accept-encoding': accepted } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-encoding')).toBe(encoding);
});
