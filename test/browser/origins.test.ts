import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { debian } from '../needs.ts';
import { startChromium } from './chromium.ts';
import { serveWorld } from './served.ts';

const need = await debian('chromium', 'chromium');

test.skipIf('missing' in need)('pages of a listed origin can call the API, others cannot', async () => {
  const elsewhere = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>');
  });
  elsewhere.listen(0, '127.0.0.1');
  onTestFinished(() => void elsewhere.close());
  await once(elsewhere, 'listening');
  const listed = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  const served = await serveWorld({ allowedOrigins: [listed] });
  onTestFinished(() => served.close());
  const browser = await startChromium('path' in need ? need.path : '');
  onTestFinished(() => browser.close());
  const page = await browser.context.newPage();

  const call = (url: string): Promise<string> =>
    page.evaluate(
      (api) =>
        fetch(api, {
          method: 'POST',
          headers: { 'content-type': 'application/json', prefer: 'wait=5' },
          body: '{"home":"Arsenal","away":"Chelsea"}',
        }).then(
          async (response) => `${response.status} ${((await response.json()) as { status: string }).status}`,
          () => 'refused',
        ),
      url,
    );
  await page.goto(listed.replace('127.0.0.1', 'localhost'));
  expect(await call(`${served.url}/v1/predictions`)).toBe('refused');
  await page.goto(listed);
  expect(await call(`${served.url}/v1/predictions`)).toBe('200 done');
});
