import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ProcessWorld, startProcessWorld } from '../../../conformance/world.ts';

// What Knative's path does to answers (../shared/wire, HTTP): one without a length looks whole when it was cut, and the Host that arrives may be anybody's.

const origin = 'https://page.example.org';
let world: ProcessWorld;
let server: http.Server;
beforeAll(async () => {
  world = await startProcessWorld({ allowedOrigins: [origin] });
  const listener = getRequestListener(world.fetch);
  server = http.createServer((request, response) => void listener(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await world.close();
});

type Answer = { status: number; headers: http.IncomingHttpHeaders; body: string };

async function ask(
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: object } = {},
): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const request = http.request({
    ...{ host: '127.0.0.1', port, path, agent: false, method: body === undefined ? 'GET' : 'POST' },
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  });
  request.end(body === undefined ? undefined : text);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

const fixture = { home: 'Arsenal', away: 'Chelsea' };
const asked: [string, unknown, number][] = [
  ['/v1/predictions', fixture, 200],
  ['/v1/predictions', { fixtures: [fixture, { home: 'Nobody', away: 'Chelsea' }] }, 200],
  ['/v1/predictions', { home: 'Arsenl', away: 'Chelsea' }, 422],
  ['/v1/predictions', 'x'.repeat(2 ** 20 + 1), 413],
  ['/v1/predictions/unknown', undefined, 404],
  ['/v1/leagues', undefined, 200],
  ['/v1/teams', undefined, 200],
  ['/v1/model', undefined, 200],
  ['/v2/models/match-outcome', undefined, 200],
  ['/invocations', { dataframe_records: [fixture] }, 200],
  ['/ping', undefined, 200],
  ['/nothing', undefined, 404],
];

describe.each([
  ['', {}],
  [' to a page of another origin', { origin }],
])('every answer%s', (_, headers) => {
  test.each(asked)('%s has its length', async (path, body, status) => {
    const answer = await ask(path, { body, headers });
    expect(answer.status).toBe(status);
    expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.body));
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    // Knative guesses one that is missing, text/html too.
    expect(answer.headers['content-type']).toBeDefined();
  });
});

test('no answer says what a Host or a forwarding header said', async () => {
  const forged = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    forwarded: 'for=192.0.2.9;host=evil.example;proto=https',
    'k-original-host': 'evil.example',
  };
  for (const prefer of ['wait=5', 'respond-async']) {
    const answer = await ask('/v1/predictions', { body: fixture, headers: { ...forged, prefer } });
    expect(JSON.stringify(answer)).not.toContain('evil');
    const { location } = answer.headers;
    if (location !== undefined) expect(location).toMatch(/^\/v1\/predictions\/[\w-]+$/);
  }
  for (const path of ['/', '/docs', '/openapi.json', '/v1/model'])
    expect(JSON.stringify(await ask(path, { headers: forged }))).not.toContain('evil');
});
