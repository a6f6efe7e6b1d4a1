import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
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
  socket.cork();
  readOff(request, socket);
}

function readOff(request: IncomingMessage, socket: Socket): void {
  let left = readAfterBytes;
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    request.off('data', count);
    socket.uncork();
  };
  const count = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left <= 0) release();
  };
  request.on('data', count).once('end', release).once('close', release).resume();
  if (isLong(request)) linger(socket);
}

/** When the server ends the connection, the client may still send: closed at once, it would see a reset instead of its answer. */
function linger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    socket.resume().once('end', () => socket.destroy());
    socket.setTimeout(lingerMs, () => socket.destroy());
  };
}

/** The same for a function that answers by itself: what it writes before the request is complete is held back. */
export function holdBackEarly(request: IncomingMessage, response: ServerResponse): void {
  if (!hasBody(request)) return;
  const { socket } = request;
  socket.cork();
  if (isLong(request)) watch(request, response, socket);
  else
    process.nextTick(() => {
      // A body that came with the head is parsed by now.
      if (request.complete) socket.uncork();
      else watch(request, response, socket);
    });
}

function watch(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  let answered = false;
  const complete = (): void => {
    if (!answered) socket.uncork();
    answered = true;
  };
  request.once('end', complete).once('close', complete);
  const begins = (): void => {
    if (request.complete) complete();
    if (answered) return;
    answered = true;
    if (isLong(request) && !response.headersSent) response.setHeader('connection', 'close');
    readOff(request, socket);
  };
  if (response.headersSent) {
    begins();
    return;
  }
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
