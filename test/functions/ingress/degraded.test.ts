import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { getRequestListener } from '@hono/node-server';
import { v7 } from 'uuid';
import * as v from 'valibot';
import { createApp } from '../../../functions/ingress/src/app.ts';
import { ledgerId } from '../../../functions/shared/identity.ts';
import { createLog } from '../../../functions/shared/log.ts';
import { createMetrics } from '../../../functions/shared/metrics.ts';
import { RequestedData, requestedType } from '../../../functions/shared/events/events.ts';
import { type ProcessWorld, startProcessWorld } from '../../conformance/world.ts';
import { until } from '../../until.ts';

type Answer = { id: string; status: string; cached: boolean; prediction: { home: string } };

describe('ingress when something is away', () => {
  let world: ProcessWorld;
  beforeEach(async () => {
    world = await startProcessWorld({ MAX_REQUESTS: 50, WAIT_MS: 3000 });
  });
  afterEach(async () => {
    await world.close();
  });

  const ask = (
    body: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> =>
    world.request('/v1/predictions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  const fixture = { home: 'Arsenal', away: 'Chelsea' };
  const requestsIn = (place: number): { id: string }[] =>
    v.parse(RequestedData, world.published[place]?.data).requests;

  test('broker away: who waits is answered by predict, and the result is stored', async () => {
    world.broker = 'away';
    const response = await ask(fixture);
    expect(response.status).toBe(200);
    const { id, status } = (await response.json()) as Answer;
    expect(status).toBe('done');
    expect(await (await world.request(`/v1/predictions/${id}`)).json()).toMatchObject({ id, status: 'done' });
    expect((await world.store.audit()).open).toBe(0);
  });

  test('broker away: who does not wait is in the ledger, and swept in the end', async () => {
    world.broker = 'away';
    const response = await ask(fixture, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as Answer;
    const overdue = await world.store.overdue({ now: Date.now() + 3_600_000, limit: 1000 });
    expect(overdue.map((job) => job.id)).toEqual([id]);
  });

  test('HEAD of the events of what is queued leaves nobody waiting for it', async () => {
    world.broker = 'away';
    const { id } = (await (await ask(fixture, { prefer: 'respond-async' })).json()) as Answer;
    const head = await world.request(`/v1/predictions/${id}/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    // Who waits is looked up every half second, and a store that is away is logged then.
    world.storeAway = true;
    await wait(1200);
    expect(world.logged.filter((line) => line.includes('cannot look up who waits'))).toEqual([]);
  });

  test('a client that breaks off its upload is no fault of ours', async () => {
    let begun = 0;
    const statuses: number[] = [];
    const listener = getRequestListener(async (request) => {
      begun++;
      const response = await world.fetch(request);
      statuses.push(response.status);
      return response;
    });
    const server = http.createServer((request, response) => void listener(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    for (const body of ['content-length: 9\r\n\r\n{', 'transfer-encoding: chunked\r\n\r\n1\r\n{']) {
      const before = begun;
      const client = net.connect((server.address() as net.AddressInfo).port);
      client.write(`POST /v1/predictions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${body}`);
      await until(() => begun > before);
      client.destroy();
    }
    await until(() => statuses.length === begun);
    server.close();
    expect(statuses).toEqual([499, 499]);
    expect(world.logged.filter((line) => line.includes('refused'))).toEqual([]);
  });

  test('broker away: a request that joined one in flight is answered too', async () => {
    world.broker = 'away';
    await ask(fixture, { prefer: 'respond-async' });
    const response = await ask(fixture);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'done' });
  });

  test('broker away: a producer is told to try again, and its second try is published', async () => {
    world.broker = 'away';
    const id = v7();
    const event = {
      specversion: '1.0',
      id: v7(),
      source: '/test',
      type: requestedType,
      data: { requests: [{ id, ...fixture }] },
    };
    const post = (): Promise<Response> =>
      world.request('/v1/events', {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(event),
      });
    const refused = await post();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    world.broker = 'up';
    expect((await post()).status).toBe(202);
    const producers = ledgerId({ source: '/test', id });
    await until(async () => (await world.store.find(producers)).status === 'done');
  });

  test('broker and predict away: 202 in the end, since the request is in the ledger', async () => {
    world.broker = 'away';
    world.predictAway = true;
    const response = await ask(fixture, { prefer: 'wait=1' });
    expect(response.status).toBe(202);
    expect((await world.store.audit()).open).toBe(1);
  });

  test('store away: who waits is answered uncached by predict, who does not gets 503', async () => {
    world.storeAway = true;
    const response = await ask({ fixtures: [fixture, { home: 'Arsenl', away: 'Chelsea' }] });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      outcomes: [{ status: 'done', cached: false }, { status: 'failed' }],
    });
    const later = await ask({ home: 'Everton', away: 'Chelsea' }, { prefer: 'respond-async' });
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '1']);
    world.predictAway = true;
    expect((await ask({ home: 'Everton', away: 'Chelsea' })).status).toBe(503);
    world.storeAway = false;
    world.predictAway = false;
    expect((await ask({ home: 'Everton', away: 'Chelsea' })).status).toBe(200);
  });

  test('more than the limit under way: 503 with Retry-After, and none is left counted', async () => {
    const fixtures = Array.from({ length: 51 }, () => fixture);
    const refused = await ask({ fixtures });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    for (let n = 0; n < 3; n++) expect((await ask({ fixtures: fixtures.slice(1) })).status).toBe(200);
  });

  test('twins of every event at the same time: one result each', async () => {
    world.copies = 3;
    const pairs = ['Everton', 'Fulham', 'Brentford', 'Chelsea'].map((away) => ({ home: 'Arsenal', away }));
    const responses = await Promise.all(pairs.map((pair) => ask(pair)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await until(async () => (await world.store.audit()).duplicates > 0);
    expect(await world.store.audit()).toMatchObject({
      accepted: 4,
      done: 4,
      failed: 0,
      open: 0,
      unaccounted: [],
    });
  });

  test('what comes while an event is published goes out together with the next one', async () => {
    const away = ['Everton', 'Fulham', 'Brentford', 'Chelsea', 'Aston Villa'];
    await Promise.all(away.map((name) => ask({ home: 'Arsenal', away: name })));
    const requested = world.published.filter(({ type }) => type === requestedType);
    expect(requested.length).toBeLessThan(away.length);
  });

  test('the same fixture asked at the same time is predicted once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, async () => (await ask(fixture)).json()));
    expect(new Set(answers.map((answer) => (answer as Answer).id)).size).toBe(8);
    const requested = world.published.filter(({ type }) => type === requestedType);
    expect(requested).toHaveLength(1);
    expect(requestsIn(0)).toHaveLength(1);
  });

  test('a client that goes away is not waited for', async () => {
    world.predictAway = true;
    const gone = new AbortController();
    const asked = ask(fixture, { prefer: 'wait=60' }, gone.signal);
    await until(() => world.published.length > 0);
    gone.abort();
    expect((await asked).status).toBe(202);
  });

  test('the trace of a caller goes on, and one is made where there is none', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await ask(fixture, { traceparent: `00-${trace}-b7ad6b7169203331-01` });
    await ask({ home: 'Chelsea', away: 'Arsenal' });
    const requested = world.published.filter(({ type }) => type === requestedType);
    expect(requested[0]?.['traceparent']).toMatch(
      new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`),
    );
    expect(requested[1]?.['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });
});

test('an id whose result is gone is 410', async () => {
  const world = await startProcessWorld({ kept: { result: 1 } });
  try {
    const response = await world.request('/v1/predictions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ home: 'Arsenal', away: 'Chelsea' }),
    });
    const { id } = (await response.json()) as Answer;
    const gone = await until(async () => {
      const answer = await world.request(`/v1/predictions/${id}`);
      return answer.status === 410 ? answer : undefined;
    });
    expect(gone.headers.get('content-type')).toBe('application/problem+json');
  } finally {
    await world.close();
  }
});

test.each([
  [503, (): undefined => undefined],
  [
    500,
    (): never => {
      throw new Error('a fault of ours');
    },
  ],
])('the request id of a %d finds it in the log', async (status, parts) => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const metrics = createMetrics({ kickoff_http_requests_total: '', kickoff_http_seconds: '' });
  const app = createApp(parts, createLog('info', { out: write, err: write }), metrics);
  const response = await app.request('/v1/leagues');
  expect(response.status).toBe(status);
  const { requestId } = (await response.json()) as { requestId: string };
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { requestId, path: '/v1/leagues' },
  ]);
});
