// The app of the recordings in http-path.json: it does what the header `x-do` says (`do=status&code=404&body=…`), echoes without it, and writes down what
// it sees as lines of JSON to the file EVENTS.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

const events = process.env['EVENTS'] ?? '';
const port = Number(process.env['PORT']);
let served = 0;
let ready = true;

function tell(request: IncomingMessage, event: string, more: object = {}): void {
  appendFileSync(events, `${JSON.stringify({ case: request.headers['x-case'] ?? '', event, ...more })}\n`);
}

const seen = ({ method, url, rawHeaders }: IncomingMessage): object => ({ method, url, rawHeaders });

async function readBody(request: IncomingMessage): Promise<object> {
  const sha = createHash('sha256');
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    sha.update(chunk);
  }
  const body = { length, sha: sha.digest('hex').slice(0, 16), trailers: request.rawTrailers };
  tell(request, 'body', body);
  return body;
}

async function drip(response: ServerResponse, wants: URLSearchParams): Promise<void> {
  const ms = (name: string): number => Number(wants.get(name) ?? 0);
  const type = wants.get('type') ?? 'text/plain';
  if (wants.has('head')) {
    await wait(ms('head'));
    response.writeHead(200, { 'content-type': type }).flushHeaders();
  }
  await wait(wants.has('first') ? ms('first') : ms('every'));
  if (!response.headersSent) response.writeHead(200, { 'content-type': type });
  for (let n = 0; n < ms('n') && !response.destroyed; n++) {
    response.write(type === 'text/event-stream' ? `data: ${Date.now()}\n\n` : `${n}\n`);
    await wait(ms('every'));
  }
  response.end();
}

async function big(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const chunk = 'x'.repeat(65_536);
  for (let sent = 0; sent < bytes && !response.destroyed; sent += chunk.length)
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  response.end();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const wants = new URLSearchParams(String(request.headers['x-do'] ?? 'do=echo'));
  const text = { 'content-type': 'text/plain' };
  const { socket } = request;
  switch (wants.get('do')) {
    case 'drip':
      await drip(response, wants);
      return;
    case 'reject':
      response.writeHead(413, { ...text, ...(wants.has('conn') ? { connection: 'close' } : {}) });
      response.end('too large\n');
      if (wants.has('destroy')) setTimeout(() => socket.destroy(), 20);
      return;
    case 'die':
      process.exit(1);
      return;
    case 'hold':
      await wait(Number(wants.get('ms')));
      await readBody(request);
      response.writeHead(200, text).end(`held ${++served}\n`);
      return;
    case 'unlisten':
      server.close();
      server.closeIdleConnections();
      setTimeout(() => server.listen(port, process.env['ADDRESS']), Number(wants.get('ms')));
      response.writeHead(200, { ...text, connection: 'close' }).end('unlistened\n');
      return;
    case 'unready':
      ready = false;
      response.writeHead(200, text).end('unready\n');
      return;
  }
  const body = await readBody(request);
  switch (wants.get('do')) {
    case 'status': {
      const given = JSON.parse(wants.get('headers') ?? '["content-type","text/plain"]') as string[];
      response.writeHead(Number(wants.get('code') ?? 200), given).end(wants.get('body') ?? '');
      return;
    }
    case 'early':
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      await wait(20);
      response.writeHead(Number(wants.get('code') ?? 200), text).end('after hints\n');
      return;
    case 'processing':
      response.writeProcessing();
      await wait(20);
      response.writeHead(200, text).end('after 102\n');
      return;
    case 'trailers':
      response.writeHead(200, { ...text, trailer: 'X-Sum' });
      response.write('one\n');
      response.write('two\n');
      response.addTrailers({ 'X-Sum': '42' });
      response.end();
      return;
    case 'big':
      await big(response, Number(wants.get('mb')) * 2 ** 20);
      return;
    case 'close':
      socket.destroy();
      return;
    case 'half':
      response.writeHead(200, { ...text, ...(wants.has('chunked') ? {} : { 'content-length': 100 }) });
      response.write('0123456789');
      setTimeout(() => socket.destroy(), 100);
      return;
    case 'raw':
      socket.end(Buffer.from(wants.get('bytes') ?? '', 'base64'));
      return;
    case 'silent':
      return;
    default: {
      const echo = { ...seen(request), body };
      response.writeHead(200, { 'content-type': 'application/json', 'x-app': 'echo' });
      response.end(JSON.stringify(echo));
    }
  }
}

function upgraded(request: IncomingMessage, socket: Duplex): void {
  tell(request, 'upgrade', seen(request));
  socket.on('error', () => undefined);
  if (request.headers['x-do'] === 'do=refuse') {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    return;
  }
  const key = `${String(request.headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-App: up\r\n\r\n`,
  );
  socket.on('data', (chunk: Buffer) => {
    tell(request, 'upgrade data', { length: chunk.length });
    socket.write(chunk);
  });
}

const server = http.createServer({ maxHeaderSize: 131_072 }, (request, response) => {
  if (request.url === '/health/readiness') {
    response.writeHead(ready ? 200 : 503).end();
    return;
  }
  tell(request, 'request', seen(request));
  request.on('aborted', () => {
    tell(request, 'request aborted');
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    tell(request, 'request error', { error: error.code });
  });
  response.on('close', () => {
    tell(request, 'response close', { finished: response.writableFinished });
  });
  answer(request, response).catch((error: unknown) => {
    tell(request, 'failed', {
      error: error instanceof Error && 'code' in error ? error.code : String(error),
    });
  });
});
server.on('upgrade', upgraded);
server.keepAliveTimeout = 60_000;
setTimeout(() => server.listen(port, process.env['ADDRESS']), Number(process.env['LISTEN_AFTER_MS'] ?? 0));
