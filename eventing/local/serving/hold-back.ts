import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

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

/** The same for a function that answers by itself: its first byte begins the wait. To be called before it gets the request. */
export function holdBackEarly(request: IncomingMessage, response: ServerResponse): void {
  let begun = false;
  for (const name of ['writeHead', 'write', 'end', 'flushHeaders'] as const) {
    const method = response[name].bind(response) as (...args: unknown[]) => unknown;
    Object.assign(response, {
      [name]: (...args: unknown[]) => {
        if (!begun && !request.complete) {
          if (isLong(request)) response.setHeader('connection', 'close');
          holdBack(request);
        }
        begun = true;
        return method(...args);
      },
    });
  }
}
