import { subscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { addedHeaders } from './forwarded-headers.ts';
import { createMeter } from './meter.ts';
import { queueFactor, queueFull } from './queue-depth.ts';
import type { FromQueueProxy, ToQueueProxy } from './queue-proxy-link.ts';
import { refusalAnswer } from './refusal.ts';
import type { Refusal } from './refusal.ts';

// Loaded into a replica before the function's own code. It does what Knative's queue-proxy does beside a function: the runtime hands over
// connections of clients, and their requests are counted, limited, timed and drained here.

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly arrivedMs: number;
  /** Undefined if it came through the activator. */
  readonly connection: Connection | undefined;
  /** Whether the function has it. */
  begun: boolean;
};
/**
 * A connection that was handed over, with what is in flight on it: one, unless its client pipelines. Not one set of all: V8 would keep what a
 * set held when it grew, requests and answers with it, until the next full collection (50 MiB under load).
 */
type Connection = { readonly inFlight: Exchange[]; leaving: boolean };

const port = Number(process.env['PORT']);
const limit = Number(process.env['CONTAINER_CONCURRENCY']);
const timeoutMs = Number(process.env['REVISION_TIMEOUT_SECONDS']) * 1000;
const platform = process.env['PLATFORM_URL'] ?? '';
// A function sees what a container would.
for (const own of ['CONTAINER_CONCURRENCY', 'REVISION_TIMEOUT_SECONDS', 'PLATFORM_URL'])
  Reflect.deleteProperty(process.env, own);

const reportMs = 1000;

const meter = createMeter();
const connections = new Map<Socket, Connection>();
const queue = new Set<Exchange>();
let active = 0;
let server: http.Server | undefined;
let toFunction: ((exchange: Exchange) => void) | undefined;
let clock: NodeJS.Timeout | undefined;
let answered = false;
let draining = false;
let turnMs: number | undefined;

subscribe('tracing:net.server.listen:asyncStart', (message) => {
  const { server: listening, options } = message as { server: object; options: { port?: unknown } };
  // It listens again after it was closed: already guarded.
  if (Number(options.port) === port && listening !== server && isHttp(listening)) guard(listening);
});

function isHttp(listening: object): listening is http.Server {
  return listening instanceof http.Server;
}

/** Replaces a server's request listeners: they get each request when it may be in flight. */
function guard(guarded: http.Server): void {
  server = guarded;
  tell('listening');
  const emit = guarded.emit.bind(guarded) as (event: string | symbol, ...args: unknown[]) => boolean;
  toFunction = ({ request, response }) => void emit('request', request, response);
  guarded.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'request') return emit(event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const connection = connections.get(request.socket);
    if (connection) arrive(request, response, connection);
    else if (request.headers['user-agent']?.startsWith('kube-probe/')) return emit(event, request, response);
    else admit({ request, response, connection, arrivedMs: 0, begun: false });
    return true;
  };
}

/** A request on a connection that was handed over. */
function arrive(request: IncomingMessage, response: ServerResponse, connection: Connection): void {
  if (request.url?.startsWith('/local/')) {
    toPlatform(request, response);
    return;
  }
  addHeaders(request);
  const arrivedMs = turnBegan();
  const exchange: Exchange = { request, response, connection, arrivedMs, begun: false };
  connection.inFlight.push(exchange);
  meter.enter(arrivedMs);
  if (draining || connection.leaving) response.setHeader('connection', 'close');
  admit(exchange);
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
    });
  }
  return turnMs;
}

/** Adds to both lists: Node has already made `headers`. */
function addHeaders(request: IncomingMessage): void {
  const { headers: added } = addedHeaders(request);
  request.rawHeaders.push(...added);
  for (let place = 0; place < added.length; place += 2) {
    const name = added[place] ?? '';
    const before = request.headers[name];
    request.headers[name] = typeof before === 'string' ? `${before}, ${added[place + 1]}` : added[place + 1];
  }
}

function admit(exchange: Exchange): void {
  const { response } = exchange;
  response.on('close', () => {
    ended(exchange);
  });
  if (limit === 0 || active < limit) begin(exchange);
  else if (queue.size < queueFactor * limit) queue.add(exchange);
  else refuse(response, queueFull);
}

function begin(exchange: Exchange): void {
  exchange.begun = true;
  active++;
  toFunction?.(exchange);
}

function ended(exchange: Exchange): void {
  const { connection, request } = exchange;
  if (connection) {
    connection.inFlight.splice(connection.inFlight.indexOf(exchange), 1);
    meter.leave();
    if (!answered) tell('answered');
    answered = true;
    if (draining) request.socket.destroySoon();
  }
  if (queue.delete(exchange) || !exchange.begun) return;
  active--;
  const [next] = queue;
  if (!next) return;
  queue.delete(next);
  begin(next);
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const given = response.req.headers['x-request-id'];
  const { status, headers, body } = refusalAnswer(refusal, typeof given === 'string' ? given : undefined);
  response.writeHead(status, headers).end(body);
  mute(response);
}

/** The function may still answer, too late, without knowing: Node's errors for that would end it. */
function mute(response: ServerResponse): void {
  const nothing = (): ServerResponse => response;
  Object.assign(response, {
    ...{ setHeader: nothing, appendHeader: nothing, removeHeader: nothing, writeHead: nothing },
    ...{ flushHeaders: nothing, write: () => true, end: nothing },
  });
}

/** `/local/` belongs to the platform, whoever has the connection. */
function toPlatform(request: IncomingMessage, response: ServerResponse): void {
  const { url = '/', method, headers } = request;
  const onward = http.request(new URL(url, platform), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  // `pipe` ends nothing when the client leaves.
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

function tick(): void {
  const now = performance.now();
  for (const { inFlight } of connections.values())
    for (const { response, arrivedMs } of inFlight)
      if (now - arrivedMs > timeoutMs) refuse(response, { status: 504, detail: 'request timeout' });
  tell({ stat: meter.report(), inFlight: meter.inFlight, connections: connections.size });
  if (connections.size > 0) return;
  clearInterval(clock);
  clock = undefined;
}

function take(socket: Socket): void {
  connections.set(socket, { inFlight: [], leaving: false });
  if (!clock) {
    // The next report leaves out the pause without connections.
    meter.report();
    clock = setInterval(tick, reportMs).unref();
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
    for (const [socket, { inFlight }] of connections) if (inFlight.length === 0) socket.destroySoon();
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
// The channel does not hold the process either.
process.channel?.unref();
