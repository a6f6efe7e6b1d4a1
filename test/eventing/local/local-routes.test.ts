import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEventing } from '../../../eventing/local/eventing/eventing.ts';
import { localRoutes } from '../../../eventing/local/local-routes.ts';
import type { Eventing } from '../../../eventing/local/seams.ts';
import { IngressAnswers, recording } from '../../conformance/wire/recordings.ts';
import { until } from '../../until.ts';
import { recorder, temporaryFolder, trigger, wiringOf } from './eventing/world.ts';

const { folder, remove } = temporaryFolder();
const { got, send } = recorder(() => ({}));
let server: http.Server;
let port: number;
let eventing: Eventing | undefined;

beforeAll(async () => {
  server = http.createServer(localRoutes({ status: () => ({ functions: [] }), eventing: () => eventing }));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
  eventing = await startEventing({
    ...{ wiring: wiringOf([trigger('all', 'x')]), stateFolder: folder, send, log: () => undefined },
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await eventing?.close(1000);
  remove();
});

type Answer = { status: number; text: string };
async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false });
  // One that is refused may be answered before all of it is sent.
  request.on('error', () => undefined).end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    text: Buffer.concat((await response.toArray()) as Buffer[]).toString(),
  };
}
const event = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/t', 'ce-type': 'x' };

test.each(['evil.example', `evil.example:8080`, '127.0.0.1.evil.example', 'localhost.', '[::2]', '0.0.0.0'])(
  'a page that reached this machine by the name %j is refused, whatever it asks',
  async (host) => {
    for (const [method, path] of [
      ['GET', '/local/status'],
      ['POST', '/local/broker/'],
    ] as const) {
      const { status, text } = await ask(method, path, { ...event, host }, '{}');
      expect(JSON.parse(text)).toMatchObject({
        status: 421,
        detail: expect.stringMatching(/ask for localhost, 127.0.0.1 or \[::1\]/) as string,
      });
      expect(status).toBe(421);
    }
    expect(got).toEqual([]);
  },
);

test.each(['https://evil.example', 'null', 'http://localhost:1', 'https://localhost:8080'])(
  'a page of the origin %s may not post to the Broker',
  async (origin) => {
    const { status, text } = await ask(
      'POST',
      '/local/broker/',
      { ...event, origin, host: 'localhost:8080' },
      '{}',
    );
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({ detail: expect.stringContaining('another origin') as string });
    expect(got).toEqual([]);
  },
);

test.each(['localhost', 'LOCALHOST:80', '127.0.0.1:9', '[::1]:8080'])('%s is this machine', async (host) => {
  expect((await ask('GET', '/local/status', { host })).status).toBe(200);
  const before = got.length;
  const origin = `http://${host}`;
  expect((await ask('POST', '/local/broker/', { ...event, host, origin }, '{}')).status).toBe(202);
  await until(() => got.length === before + 1);
});

test.each([
  ['said by its length', { 'content-length': String(20 * 2 ** 20) }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
])(
  'an event that is too long, %s, is refused before it is read',
  async (_, headers: Record<string, string>) => {
    const lines = Object.entries({ host: 'localhost', ...event, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /local/broker/ HTTP/1.1\r\n${lines.join('')}\r\n`);
    if ('transfer-encoding' in headers) {
      socket.write(`${(17 * 2 ** 20).toString(16)}\r\n`);
      socket.write(Buffer.alloc(17 * 2 ** 20, 'x'));
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 [^]*connection: close[^]*longer than 16777216 bytes/i);
    socket.destroy();
  },
);

test('everything else is answered as the Broker does, as recorded', async () => {
  const answers = recording('broker-ingress-errors', IngressAnswers);
  for (const { case: name, url, headers, body, answer } of answers) {
    // RabbitMQ 4 takes no message of that size.
    if (name === 'big-20MB') continue;
    const method = { get: 'GET', put: 'PUT', options: 'OPTIONS' }[name] ?? 'POST';
    const size = typeof body === 'string' ? /^(\d+) chars$/.exec(body)?.[1] : undefined;
    const text = size
      ? `"${'x'.repeat(Number(size) - 2)}"`
      : typeof body === 'string'
        ? body
        : body === null
          ? undefined
          : JSON.stringify(body);
    const path = `/local/broker${new URL(url).pathname}`;
    const { status, text: answered } = await ask(method, path, { host: 'localhost', ...headers }, text);
    expect([name, status, answered]).toEqual([name, answer.status, answer.body]);
  }
  expect(answers.length).toBeGreaterThan(15);
});

test('before eventing runs, and off the known paths, it says so', async () => {
  const running = eventing;
  eventing = undefined;
  expect((await ask('POST', '/local/broker/', event, '{}')).status).toBe(503);
  eventing = running;
  expect((await ask('GET', '/local/other')).status).toBe(404);
  expect((await ask('POST', '/local/broker/?x', event, '{}')).status).toBe(404);
});
