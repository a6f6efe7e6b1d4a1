import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { expect, test } from 'vitest';
import { noReply } from '../../../../functions/shared/events/cloudevents.ts';

/** The answer on the wire, as the server of the functions writes it. */
async function wire(answer: () => Response): Promise<string> {
  const server = createServer(
    (request, response) => void getRequestListener(answer)(request, response),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nhost: f\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  server.close();
  return text.toLowerCase();
}

test('an answer without an event states its length: in chunks it would cost the dispatcher a connection for each event', async () => {
  // What the server makes of a plain one, or this function would not be needed.
  expect(await wire(() => new Response(null, { status: 202 }))).toContain('transfer-encoding: chunked');
  const text = await wire(noReply);
  expect(text).toMatch(/^http\/1\.1 202 accepted\r\n/);
  expect(text).toContain('\r\ncontent-length: 0\r\n');
  expect(text).not.toContain('chunked');
});
