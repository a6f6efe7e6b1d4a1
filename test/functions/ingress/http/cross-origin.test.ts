import { expect, test } from 'vitest';
import { createApp } from '../../../../functions/ingress/src/app.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { createMetrics } from '../../../../functions/shared/metrics.ts';

const silent = createLog('error', { out: () => undefined, err: () => undefined });
const metrics = createMetrics({ kickoff_http_requests_total: '', kickoff_http_seconds: '' });
const open = (...origins: string[]) => createApp(() => undefined, silent, metrics, origins);
const app = open('https://app.example.org');
const allows = 'access-control-allow-origin';

test.each(['/v2/health/live', '/v1/leagues', '/nowhere'])('no other origin is let in: %s', async (path) => {
  const { headers } = await app.request(path, { headers: { origin: 'https://evil.example.org' } });
  expect([headers.get(allows), headers.get('vary')?.toLowerCase()]).toEqual([null, 'origin']);
  const unnamed = (await app.request(path)).headers;
  expect([unnamed.get(allows), unnamed.get('vary')?.toLowerCase()]).toEqual([null, 'origin']);
});

test.each(['/v2/health/live', '/v1/leagues', '/nowhere'])('a listed origin is let in: %s', async (path) => {
  const { headers } = await app.request(path, { headers: { origin: 'https://app.example.org' } });
  expect([headers.get(allows), headers.get('vary')?.toLowerCase()]).toEqual([
    'https://app.example.org',
    'origin',
  ]);
  expect(headers.get('access-control-expose-headers')).toContain('retry-after');
});

test('where no origin is allowed, a browser that asks first is refused, and answers depend on no origin', async () => {
  const headers = { origin: 'https://app.example.org', 'access-control-request-method': 'POST' };
  expect((await open().request('/v1/predictions', { method: 'OPTIONS', headers })).status).toBe(405);
  const answer = await open().request('/v2/health/live', { headers });
  expect([answer.status, answer.headers.get(allows), answer.headers.get('vary')]).toEqual([200, null, null]);
});

test('a browser that asks first is told what it may send; without an origin OPTIONS is no method', async () => {
  expect((await app.request('/v1/predictions', { method: 'OPTIONS' })).status).toBe(405);
  const { status, headers } = await app.request('/v1/predictions', {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.org', 'access-control-request-method': 'POST' },
  });
  expect([status, headers.get(allows)]).toEqual([204, 'https://app.example.org']);
  expect(headers.get('access-control-allow-methods')).toBe('GET,POST');
  expect(headers.get('access-control-allow-headers')).toContain('idempotency-key');
  expect(headers.get('access-control-max-age')).toBe('7200');
});

test('the answer names the request as its sender did, or anew', async () => {
  const id = async (given: string): Promise<string | null> =>
    (await app.request('/v2/health/live', { headers: { 'x-request-id': given } })).headers.get(
      'x-request-id',
    );
  expect(await id('not one word')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await id('mine-1')).toBe('mine-1');
});
