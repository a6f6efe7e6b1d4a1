import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debian } from '../../needs.ts';
import { startKickoff, type Kickoff } from '../../servers/kickoff.ts';
import { http2, startNginx, type Nginx } from './host.ts';

const nginx = await debian('nginx', 'nginx-light');
const openssl = await debian('openssl', 'openssl');

describe.skipIf('missing' in nginx || 'missing' in openssl)(
  'the host nginx in front of the local platform',
  () => {
    const state = mkdtempSync(path.join(tmpdir(), 'kickoff-nginx-'));
    let kickoff: Kickoff;
    let server: Nginx;
    let client: ReturnType<typeof http2>;

    beforeAll(async () => {
      if (!('path' in nginx)) return;
      kickoff = await startKickoff(state, {});
      server = await startNginx(nginx.path, Number(new URL(kickoff.url).port));
      client = http2(server.https);
    });
    afterAll(async () => {
      client.close();
      await server.stop();
      await kickoff.stop();
      rmSync(state, { recursive: true });
    });

    async function fixture(): Promise<string> {
      const { body } = await client.request({ ':path': '/v1/teams?league=premier-league' });
      const { teams } = JSON.parse(body) as { teams: { name: string }[] };
      const [home, away] = teams.length > 1 ? teams : [];
      if (!home || !away) throw new Error(`no teams: ${body.slice(0, 300)}`);
      return JSON.stringify({ home: home.name, away: away.name });
    }

    test('a prediction over HTTP/2, from zero', async () => {
      const { status, headers, body } = await client.request(
        { ':path': '/v1/predictions', 'content-type': 'application/json', prefer: 'wait=30' },
        await fixture(),
      );
      expect({ status, body: status === 200 ? '' : body }).toEqual({ status: 200, body: '' });
      expect(headers['strict-transport-security']).toBeDefined();
      expect(JSON.parse(body)).toHaveProperty('model');
    });

    test('an asynchronous one, followed by server-sent events to its end', async () => {
      const asked = await client.request(
        { ':path': '/v1/predictions', 'content-type': 'application/json', prefer: 'respond-async' },
        await fixture(),
      );
      expect(asked.status).toBe(202);
      const events = await client.request({ ':path': `${String(asked.headers.location)}/events` });
      expect(events.headers['content-type']).toMatch(/^text\/event-stream/);
      expect(events.body).toMatch(/"status":"done"/);
    });

    test('a bad request keeps the reason that the service gives', async () => {
      const { status, headers, body } = await client.request(
        { ':path': '/v1/predictions', 'content-type': 'application/json' },
        '{"home": 1}',
      );
      expect(headers['content-type']).toMatch(/^application\/problem\+json/);
      expect({ status, title: (JSON.parse(body) as { title: string }).title }).not.toMatchObject({
        title: 'The service does not answer',
      });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    });

    test('the page', async () => {
      const { status, headers } = await client.request();
      expect({ status, type: headers['content-type'] }).toMatchObject({
        status: 200,
        type: expect.stringMatching(/^text\/html/) as string,
      });
    });
  },
);
