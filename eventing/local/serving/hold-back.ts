import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { hasBody } from './forwarded-headers.ts';

// An answer that comes before its request's body has ended waits for that end, or for 256 KiB more of it. That is what Go's server does in activator and
// queue-proxy, unless the revision has the annotation features.knative.dev/http-full-duplex.

/** net/http, maxPostHandlerReadBytes. */
const readAfterBytes = 262_144;
/** A client that sends nothing for so long is not waited for. */
const lingerMs = 1000;

/** Whether so much of a body may be missing that the connection ends with an early answer. */
export function isLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > readAfterBytes;
}

/** Holds back what is written to the connection. To be called when a request that is not complete is answered; its body is read off. */
export function holdBack(request: IncomingMessage): void {
  const { socket } = request;
  hold(socket);
  readOff(request, socket);
}

const held = new WeakSet<Socket>();

function hold(socket: Socket): void {
  // Node uncorks a connection at the end of each answer. Never taken away again: V8 would make the socket a slow object.
  if (!Object.hasOwn(socket, 'uncork'))
    socket.uncork = () => {
      if (!held.has(socket)) Socket.prototype.uncork.call(socket);
    };
  held.add(socket);
  socket.cork();
}

/** Lets go what is held back on a connection. */
export function letGo(socket: Socket): void {
  held.delete(socket);
  while (socket.writableCorked > 0) socket.uncork();
}

/** A connection that its server ends stays open until the client has sent all. Closed at once, the client would see a reset instead of its answer. */
export function linger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    socket.resume().once('end', () => socket.destroy());
    socket.setTimeout(lingerMs, () => socket.destroy());
  };
}

function readOff(request: IncomingMessage, socket: Socket): void {
  let left = readAfterBytes;
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    request.off('data', count);
    letGo(socket);
  };
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left <= 0) release();
  };
  request.on('data', count).once('end', release).once('close', release).resume();
  if (isLong(request)) linger(socket);
}

/** The same for a function that answers by itself: what it writes before the request is complete is held back. */
export function holdBackEarly(request: IncomingMessage, response: ServerResponse): void {
  if (!hasBody(request)) return;
  const { socket } = request;
  hold(socket);
  let holding = true;
  const complete = (): void => {
    if (holding) letGo(socket);
    holding = false;
  };
  request.once('end', complete).once('close', complete);
  const begins = (): void => {
    if (request.complete) complete();
    if (!holding) return;
    holding = false;
    if (isLong(request) && !response.headersSent) response.setHeader('connection', 'close');
    readOff(request, socket);
  };
  if (isLong(request)) beforeFirstByte(response, begins);
  else
    // By then a body that came with the head is parsed.
    setImmediate(() => {
      if (request.complete) complete();
      else if (response.headersSent) begins();
      else if (holding) beforeFirstByte(response, begins);
    });
}

function beforeFirstByte(response: ServerResponse, begins: () => void): void {
  for (const name of ['writeHead', 'write', 'end', 'flushHeaders'] as const) {
    const method = response[name].bind(response) as (...args: unknown[]) => unknown;
    Object.assign(response, {
      [name]: (...args: unknown[]) => {
        begins();
        return method(...args);
      },
    });
  }
}
