import { subscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FromQueueProxy, ToQueueProxy } from './link.ts';
import { createBreaker } from './breaker.ts';
import { swallowInformational } from './early-hints.ts';
import { answerAtExit, endOvertime } from './raw-answer.ts';
import { Exchange } from './exchange.ts';
import type { Connection, ToFunction } from './exchange.ts';
import { toPlatform } from './to-platform.ts';
import { runForNobody } from './run-for-nobody.ts';
import { endHop, forwardInPlace, hasBody } from '../forwarded-headers.ts';
import { gatewayAnswer } from '../gateway.ts';
import { createMeter } from '../meter.ts';
import { queueFull, rawRefusal, sendRefusal } from '../refusal.ts';

// Loaded into a replica before the function's own code. It does what Knative's queue-proxy does beside a function: the runtime hands over
// connections of clients, and their requests are counted, limited, timed and drained here.

const port = Number(process.env['PORT']);
const breaker = createBreaker(Number(process.env['CONTAINER_CONCURRENCY']));
const timeoutMs = Number(process.env['REVISION_TIMEOUT_SECONDS']) * 1000;
const platform = process.env['PLATFORM_URL'] ?? '';
// A function sees what a container would.
for (const own of ['CONTAINER_CONCURRENCY', 'REVISION_TIMEOUT_SECONDS', 'PLATFORM_URL'])
  Reflect.deleteProperty(process.env, own);

const reportMs = 1000;
/** Between two looks at the time limit. */
const sweepMs = Math.min(reportMs, Math.max(50, timeoutMs / 20));

const meter = createMeter();
const connections = new Map<Socket, Connection>();
let server: http.Server | undefined;
let toFunction: ToFunction = () => undefined;
let clocks: NodeJS.Timeout[] = [];
let answered = false;
let draining = false;
let turnMs: number | undefined;
/** Requests with bodies that came in this turn. */
const arrived: Exchange[] = [];

swallowInformational();
subscribe('tracing:net.server.listen:asyncStart', (message) => {
  const { server: listening, options } = message as { server: object; options: { port?: unknown } };
  // It listens again after it was closed: already guarded.
  if (Number(options.port) === port && listening !== server && isHttp(listening)) guard(listening);
});

function isHttp(listening: object): listening is http.Server {
  return listening instanceof http.Server;
}

/** Replaces a server's listeners: they get each request when it may be in flight. */
function guard(guarded: http.Server): void {
  server = guarded;
  tell('listening');
  const emit = guarded.emit.bind(guarded) as (event: string | symbol, ...args: unknown[]) => boolean;
  toFunction = emit;
  guarded.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'request' && event !== 'upgrade') return emit(event, ...args);
    const [request, other] = args as [IncomingMessage, ServerResponse | Socket];
    const connection = connections.get(request.socket);
    if (event === 'upgrade') {
      // The activator has counted its own.
      if (!connection) return emit(event, ...args);
      upgrade(request, connection, args);
    } else {
      const response = other as ServerResponse;
      if (connection) arrive(request, response, connection);
      else if (request.headers['user-agent']?.startsWith('kube-probe/'))
        return emit(event, request, response);
      else {
        endHop(request);
        admit(new Exchange(request, response, { connection, arrivedMs: 0, toFunction }));
      }
    }
    return true;
  };
}

/** A request on a connection that was handed over. */
function arrive(request: IncomingMessage, response: ServerResponse, connection: Connection): void {
  if (request.url?.startsWith('/local/')) {
    toPlatform(platform, request, response);
    return;
  }
  const leaves = draining || connection.leaving;
  if (leaves) response.setHeader('connection', 'close');
  const answer = gatewayAnswer(request, 'direct');
  if (answer) {
    sendRefusal(response, answer);
    return;
  }
  forwardInPlace(request);
  const arrivedMs = turnBegan();
  const exchange = new Exchange(request, response, { connection, arrivedMs, toFunction });
  connection.inFlight.push(exchange);
  meter.enter(arrivedMs);
  // At the end of the turn a body that came with the head is parsed.
  if (hasBody(request)) arrived.push(exchange);
  else admit(exchange);
}

/**
 * When the event loop turned to its sockets. All that it reads in one turn was there when the turn began. Otherwise a function that keeps its
 * thread busy would never seem to have two in flight, and get no second replica.
 */
function turnBegan(): number {
  if (turnMs === undefined) {
    turnMs = performance.now();
    setImmediate(() => {
      turnMs = undefined;
      for (const exchange of arrived.splice(0)) admit(exchange);
    });
  }
  return turnMs;
}

function admit(exchange: Exchange): void {
  const { response, connection, request } = exchange;
  // Its client has gone within the turn.
  if (response.closed && connection) {
    connection.inFlight.splice(connection.inFlight.indexOf(exchange), 1);
    left(request.socket);
    return;
  }
  const admitted = breaker.enter(exchange);
  response.on('close', () => {
    if (connection) {
      connection.inFlight.splice(connection.inFlight.indexOf(exchange), 1);
      left(request.socket);
    }
    if (!admitted) return;
    const waited = breaker.leave(exchange);
    if (waited && !exchange.overtime && hasBody(request)) runForNobody(request, port);
  });
  if (!admitted) sendRefusal(response, queueFull);
}

/** A request of a connection that was handed over has ended. */
function left(socket: Socket): void {
  meter.leave();
  if (!answered) tell('answered');
  answered = true;
  if (draining) socket.destroySoon();
}

/** A websocket occupies a place until it ends, or until the time limit. */
function upgrade(request: IncomingMessage, connection: Connection, args: readonly unknown[]): void {
  const { socket } = request;
  const answer = gatewayAnswer(request, 'direct');
  if (answer) {
    socket.end(rawRefusal(answer));
    return;
  }
  forwardInPlace(request);
  connection.upgradedMs = turnBegan();
  meter.enter(connection.upgradedMs);
  const one = {
    begin: () => void toFunction('upgrade', ...args),
  };
  const admitted = breaker.enter(one);
  socket.once('close', () => {
    left(socket);
    if (admitted) breaker.leave(one);
  });
  // A client that ends its side has gone.
  socket.once('end', () => {
    socket.destroySoon();
  });
  if (!admitted) socket.end(rawRefusal(queueFull));
}

function sweep(): void {
  const now = performance.now();
  for (const [socket, { inFlight, upgradedMs = Infinity }] of connections) {
    for (const exchange of inFlight)
      if (now - exchange.arrivedMs > timeoutMs && !exchange.overtime) {
        exchange.overtime = true;
        endOvertime(exchange.response);
      }
    if (now - upgradedMs > timeoutMs) socket.destroy();
  }
}

function report(): void {
  tell({ stat: meter.report(), inFlight: meter.inFlight, connections: connections.size });
  if (connections.size > 0) return;
  for (const clock of clocks) clearInterval(clock);
  clocks = [];
}

function take(socket: Socket): void {
  connections.set(socket, { inFlight: [], leaving: false, upgradedMs: undefined });
  if (clocks.length === 0) {
    // The next report leaves out the pause without connections.
    meter.report();
    clocks = [setInterval(report, reportMs).unref(), setInterval(sweep, sweepMs).unref()];
  }
  socket.once('close', () => {
    connections.delete(socket);
    if (draining && connections.size === 0) tell('drained');
  });
  server?.emit('connection', socket);
  socket.resume();
}

function drain(idleMs: number): void {
  draining = true;
  if (connections.size === 0) tell('drained');
  for (const { inFlight } of connections.values())
    for (const { response } of inFlight) if (!response.headersSent) response.setHeader('connection', 'close');
  setTimeout(() => {
    for (const [socket, { inFlight, upgradedMs }] of connections)
      if (inFlight.length === 0 && upgradedMs === undefined) socket.destroySoon();
  }, idleMs);
}

function shed(count: number): void {
  let left = count;
  for (const connection of connections.values()) {
    if (left-- <= 0) return;
    connection.leaving = true;
  }
}

function tell(message: FromQueueProxy): void {
  // Without the runtime the process ends at once.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

process.on('message', (message: ToQueueProxy, socket: unknown) => {
  if ('shed' in message) shed(message.shed);
  else if ('drainMs' in message) drain(message.drainMs);
  else {
    tell({ taken: message.take });
    // Its client may have left meanwhile.
    if (socket instanceof Socket) take(socket);
  }
});
process.on('exit', () => {
  for (const { inFlight } of connections.values())
    for (const { response, begun } of inFlight) answerAtExit(response, begun);
});
// The channel does not hold the process either.
process.channel?.unref();
