import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openApi } from '../../../../functions/ingress/page/openapi.ts';
import { startChromium } from '../../../browser/chromium.ts';
import { type Served, serveWorld } from '../../../browser/served.ts';
import { debian, python } from '../../../needs.ts';

const [chromium, venv] = [
  await debian('chromium', 'chromium'),
  await python('test/functions/ingress/routes/requirements.txt'),
];
const run = promisify(execFile);
const operations = Object.entries(openApi().paths).flatMap(([route, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${route}`, operation })),
);

describe('the description of the API', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveWorld();
  });
  afterAll(async () => {
    await served.close();
  });

  test.each(operations)('$name: every body of requests and answers has an example', ({ operation }) => {
    for (const { content = {} } of [operation.requestBody ?? {}, ...Object.values(operation.responses)])
      for (const media of Object.values(content))
        expect(Object.keys(media as object)).toEqual(['schema', expect.stringMatching(/^examples?$/)]);
  });

  test('knows every schema that it names', () => {
    const document = openApi();
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
    expect(JSON.stringify(document)).not.toContain('$defs');
  });

  test('is what ingress serves, and keeps its limits', async () => {
    const response = await served.world.request('/openapi.json');
    expect(response.headers.get('content-type')).toBe('application/json');
    const body = (await response.json()) as ReturnType<typeof openApi>;
    expect(body).toEqual(JSON.parse(JSON.stringify(openApi())));
    expect(body.components.schemas['Fixture']).toMatchObject({
      additionalProperties: false,
      required: ['home', 'away'],
      properties: { home: { minLength: 1, maxLength: 100 } },
    });
    const again = await served.world.request('/openapi.json', {
      headers: { 'if-none-match': response.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  test.skipIf('missing' in chromium)(
    'is a page without faults that axe finds, under the strict policy',
    { timeout: 90_000 },
    async () => {
      if ('missing' in chromium) return;
      for (const colorScheme of ['light', 'dark'] as const) {
        const browser = await startChromium(chromium.path, { colorScheme });
        try {
          const page = await browser.context.newPage();
          const troubles: string[] = [];
          page.on('console', (message) => troubles.push(message.text()));
          const response = await page.goto(`${served.url}/docs`);
          expect(response?.headers()['content-security-policy']).toContain("default-src 'none'");
          await page.locator('#predict details').first().click();
          expect((await new AxeBuilder({ page }).analyze()).violations.map(({ id }) => id)).toEqual([]);
          expect(troubles).toEqual([]);
        } finally {
          await browser.close();
        }
      }
    },
  );

  test.skipIf('missing' in venv)(
    'schemathesis finds no server error and no broken schema, stateful links included',
    { timeout: 280_000 },
    async () => {
      if ('missing' in venv) return;
      const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-schemathesis-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const schemathesis = path.join(path.dirname(venv.path), 'st');
      const options = ['--checks', 'all', '--max-examples', '25', '--seed', '1', '--no-color'];
      const { stdout } = await run(
        schemathesis,
        [
          '--config-file',
          path.resolve('test/functions/ingress/page/schemathesis.toml'),
          'run',
          `${served.url}/openapi.json`,
          ...options,
        ],
        // It keeps what it found in the folder it runs in.
        { timeout: 270_000, maxBuffer: 2 ** 26, cwd: folder },
      ).catch((error: unknown) => {
        // Its exit code says only that there are failures.
        throw new Error(
          error instanceof Error && 'stdout' in error ? String(error.stdout).slice(-8000) : String(error),
        );
      });
      const summary = stdout.slice(stdout.indexOf('SUMMARY'));
      console.log(summary);
      expect(summary).toMatch(/Tested: 20/);
      expect(summary).toMatch(/(?<!\d)(\d+) generated, \1 passed/);
    },
  );
});
