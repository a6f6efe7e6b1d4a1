import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hostValues, nginxConfig } from '../../../manifests/commands/nginx.ts';
import { debian } from '../../needs.ts';
import { until } from '../../until.ts';
import { host, http2, newCertificate, startNginx, type Nginx } from './host.ts';

const nginx = await debian('nginx', 'nginx-light');
const openssl = await debian('openssl', 'openssl');
const curl = await debian('curl', 'curl');

describe.skipIf('missing' in nginx || 'missing' in openssl || 'missing' in curl)(
  'the host nginx, real',
  () => {
    let server: Nginx;
    /** Answers what it was asked; events wait for `next()` between two parts. */
    const waiting: (() => void)[] = [];
    const upstream = http.createServer((request, response) => {
      if (request.url?.endsWith('/events') === true) {
        response.setHeader('content-type', 'text/event-stream');
        response.write('data: queued\n\n');
        waiting.push(() => response.end('data: done\n\n'));
        return;
      }
      if (request.url === '/never') return;
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ url: request.url, headers: request.headers }));
      });
    });

    beforeAll(async () => {
      upstream.listen(0, '127.0.0.1');
      await once(upstream, 'listening');
      if ('path' in nginx) server = await startNginx(nginx.path, (upstream.address() as AddressInfo).port);
    });
    afterAll(async () => {
      await server.stop();
      upstream.closeAllConnections();
      upstream.close();
    });

    test('refuses TLS 1.1, unknown names and large bodies', async () => {
      // OpenSSL 3 offers TLS 1.1 only at its lowest security level.
      const old = tls.connect({
        port: server.https,
        host: '127.0.0.1',
        servername: host,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT:@SECLEVEL=0',
      });
      const [error] = (await once(old, 'error')) as [Error & { code: string }];
      expect(error.code).toMatch(/PROTOCOL_VERSION/);
      const stranger = tls.connect({
        port: server.https,
        host: '127.0.0.1',
        servername: 'other.example.org',
        rejectUnauthorized: false,
      });
      const [refused] = (await once(stranger, 'error')) as [Error & { code: string }];
      expect(refused.code).toMatch(/UNRECOGNIZED_NAME/);
      const client = http2(server.https);
      // With its length announced, and without.
      for (const length of [{ 'content-length': String(3 * 2 ** 20) }, {}]) {
        const { status, headers, body } = await client.request(length, Buffer.alloc(3 * 2 ** 20));
        expect(headers['content-type']).toBe('application/problem+json');
        expect(JSON.parse(body)).toEqual({
          type: 'about:blank',
          title: 'The body is larger than 2 MiB',
          status,
        });
        expect(status).toBe(413);
      }
      client.close();
    });

    test('curl gets HTTP/2 over TLS 1.3 with HSTS', async () => {
      if (!('path' in curl)) return;
      const args = [
        '-sk',
        '--resolve',
        `${host}:${server.https}:127.0.0.1`,
        '-D',
        '-',
        '-w',
        '\n%{http_version}',
      ];
      const url = `https://${host}:${server.https}/v1/model`;
      const { stdout: text } = await promisify(execFile)(curl.path, [...args, url]);
      expect(text).toMatch(/^HTTP\/2 200/);
      expect(text).toMatch(/strict-transport-security: max-age=63072000/i);
      expect(text).toMatch(/\n2$/);
    });

    test('plain HTTP is sent to HTTPS, with path and query', async () => {
      const request = http.get({
        port: server.http,
        host: '127.0.0.1',
        path: '/v1/teams?q=a',
        headers: { host },
      });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.resume();
      expect(response.statusCode).toBe(308);
      expect(response.headers.location).toBe(`https://${host}/v1/teams?q=a`);
    });

    test('the service sees the real address, and nothing that a client made up', async () => {
      const client = http2(server.https);
      const { body } = await client.request({
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'http',
        forwarded: 'for=6.6.6.6',
        'k-network-probe': 'queue',
        'knative-serving-tag': 'old',
      });
      const { headers } = JSON.parse(body) as { headers: Record<string, string> };
      expect(headers).toMatchObject({
        host,
        'x-forwarded-for': '127.0.0.1',
        'x-real-ip': '127.0.0.1',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': host,
      });
      for (const name of ['forwarded', 'k-network-probe', 'knative-serving-tag'])
        expect(headers).not.toHaveProperty(name);
      client.close();
    });

    test('server-sent events arrive one by one', async () => {
      const client = http2(server.https);
      let seen = '';
      const answer = client.request(
        { ':path': '/v1/predictions/7/events' },
        undefined,
        (part) => (seen += part),
      );
      await until(() => seen === 'data: queued\n\n', { what: 'the first event, while the response is open' });
      await until(() => waiting.length > 0);
      waiting.pop()?.();
      expect((await answer).body).toBe('data: queued\n\ndata: done\n\n');
      client.close();
    });

    test('a new certificate is taken without a failed request', async () => {
      const before = await serial(server.https);
      const results: number[] = [];
      let run = true;
      const load = Array.from({ length: 4 }, async (_, client) => {
        // Half of the clients keep their connection, which nginx closes when it reloads.
        const agent = new https.Agent({ keepAlive: client % 2 === 0 });
        while (run) results.push(await get(server.https, agent));
        agent.destroy();
      });
      await until(() => results.length > 50);
      newCertificate(server.certificates);
      server.reload();
      await until(async () => (await serial(server.https)) !== before, { what: 'the new certificate' });
      const atSwap = results.length;
      await until(() => results.length > atSwap + 50);
      run = false;
      await Promise.all(load);
      console.log(`certificate reloaded during ${results.length} requests of 4 clients`);
      expect(results.filter((status) => status !== 200)).toEqual([]);
    });

    test('an upstream that is away is a 502 with its reason', async () => {
      if (!('path' in nginx)) return;
      const lonely = await startNginx(nginx.path, 1);
      const client = http2(lonely.https);
      const { status, headers, body } = await client.request();
      client.close();
      await lonely.stop();
      expect(status).toBe(502);
      expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '5' });
      expect(body).toContain('The service does not answer');
    });

    test('one address may not ask without end', async () => {
      if (!('path' in nginx)) return;
      const strict = await startNginx(nginx.path, (upstream.address() as AddressInfo).port, {
        rate: 1,
        burst: 5,
      });
      const client = http2(strict.https);
      const answers = await Promise.all(Array.from({ length: 20 }, async () => client.request()));
      client.close();
      await strict.stop();
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(6);
      expect(statuses.filter((status) => status === 429)).toHaveLength(14);
    });
  },
);

test('the configuration of an installation names its host, its port and no placeholder', () => {
  const text = nginxConfig(hostValues({ host: 'odds.example.net', 'node-port': '31391' }));
  expect(text).toMatch(/server 127\.0\.0\.1:31391;/);
  expect(text.match(/server_name odds\.example\.net;/g)).toHaveLength(2);
  expect(text).not.toMatch(/@[a-z]+@/);
  // Above the longest wait of a client (60 s), below Knative's timeoutSeconds (300 s).
  const timeout = Number(/proxy_read_timeout (\d+)s/.exec(text)?.[1]);
  expect(timeout).toBeGreaterThan(60);
  expect(timeout).toBeLessThan(300);
});

async function serial(port: number): Promise<string> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: host, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

/** One request, repeated where its kept connection was closed before it was answered, as browsers do. */
async function get(port: number, agent: https.Agent): Promise<number> {
  const options = {
    port,
    host: '127.0.0.1',
    servername: host,
    headers: { host },
    rejectUnauthorized: false,
    agent,
  };
  return new Promise((resolve, reject) => {
    const request = https.get({ ...options, path: '/v1/model' }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    request.on('error', (error) => {
      if (request.reusedSocket) resolve(get(port, agent));
      else reject(error);
    });
  });
}
