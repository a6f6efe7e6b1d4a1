import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { publishTo } from '../../../../functions/shared/events/publish-http.ts';
import { createPredictClient } from '../../../../functions/ingress/src/submit/predict-client.ts';
import { binaryMessage, createEvent, type Event } from '../../../../functions/shared/events/cloudevents.ts';
import { completedType, requestedType } from '../../../../functions/shared/events/events.ts';
import { signedEvent } from '../../../../functions/shared/events/signature.ts';
import { keys, keysOf, newKey } from '../../../signing.ts';
import { send } from '../../../../functions/shared/http/client.ts';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
async function listen(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
const event = createEvent({ id: '1', source: '/test', type: 'test', data: { a: 1 } });

test('a server that hangs is given up at the deadline', async () => {
  const url = await listen(() => undefined);
  await expect(send(url, {}, 50)).rejects.toThrow();
});

test('what the Broker does not take is a failure with its words', async () => {
  const url = await listen((_, response) => response.writeHead(503).end('queue full'));
  await expect(publishTo(url)(event, 1000)).rejects.toThrow(/answered 503: queue full/);
});

describe('predict’s answer is believed only when it is a completed event of ours', () => {
  const outcomes = [
    {
      id: '0190a000-0000-7000-8000-000000000001',
      status: 'failed',
      reason: 'none',
      fingerprint: '-'.repeat(12),
    },
  ];
  const model = { name: 'm', version: '1', digest: 'd', ratingsAsOf: '2025-05-31' };
  const draft = { id: '1', source: '/kickoff/predict', type: completedType, data: { model, outcomes } };
  const json = { headers: { 'content-type': 'application/json' }, body: '{}' };
  const asked = async ({ headers, body }: typeof json) => {
    const url = await listen((_, response) => response.writeHead(200, headers).end(body));
    return createPredictClient(url, keys, 1000)([], { id: '1' });
  };
  const of = (event: Event) => binaryMessage(event) as typeof json;

  test.each([
    ['no event', json, /no CloudEvent/],
    ['an unsigned one', of(createEvent(draft)), /is not predict.*unsigned/],
    ['one by another key', of(signedEvent(draft, keysOf(newKey()))), /is not predict.*unknown-key/],
    [
      'one of another type',
      of(signedEvent({ ...draft, type: requestedType }, keys)),
      /is not predict.*requested/,
    ],
  ])('refused: %s', async (_, answer, fault) => {
    await expect(asked(answer)).rejects.toThrow(fault);
  });
  test('taken where it is', async () => {
    expect(await asked(of(signedEvent(draft, keys)))).toEqual(draft.data);
  });
});

test('the Broker gets the event in structured mode', async () => {
  let seen = '';
  const url = await listen((request, response) => {
    seen = String(request.headers['content-type']);
    request.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    request.on('end', () => response.writeHead(202).end());
  });
  await publishTo(url)(event, 1000);
  expect(seen).toMatch(/^application\/cloudevents\+json\{/);
  expect(seen).toContain('"data":{"a":1}');
});

test('a kept connection that the server has closed meanwhile is replaced by a new one', async () => {
  const used = new WeakSet<Socket>();
  let cut = 0;
  const url = await listen((request, response) => {
    if (used.has(request.socket)) {
      cut++;
      request.socket.destroy();
      return;
    }
    used.add(request.socket);
    response.end('ok');
  });
  expect((await send(url, {}, 1000)).body).toBe('ok');
  expect((await send(url, {}, 1000)).body).toBe('ok');
  expect(cut).toBe(1);
});
