import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Headers for one hop only (RFC 9110 §7.6.1), and `expect`, which the gateway has answered. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/** What a function sees of the gateway and of the activator. Neither tells the client's address. */
const gateway = '127.0.0.1';

/** Whether a header of an answer stays on this hop. Trailers are lost, but what announces them is not. */
export function staysHere(name: string): boolean {
  return hopByHop.has(name) && name !== 'trailer';
}

/** The headers of a request as its replica gets them from the activator (flat: name, value, …). */
export function forwardedHeaders(request: IncomingMessage): string[] {
  const { rawHeaders } = request;
  const gone = goneOf(request);
  const headers = ['k-proxy-request', 'activator'];
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] ?? '').toLowerCase();
    if (!gone.has(name) && name !== 'transfer-encoding' && name !== 'x-forwarded-for')
      headers.push(name, rawHeaders[place + 1] ?? '');
  }
  const chain = [request.headers['x-forwarded-for'], gateway].filter(Boolean).join(', ');
  headers.push('x-forwarded-for', `${chain}, ${gateway}`, ...addedHeaders(request, chain));
  return headers;
}

/** Makes the headers of a request what queue-proxy hands on, in both lists: Node has already made `headers`. */
export function forwardInPlace(request: IncomingMessage): void {
  const { headers } = request;
  takeAway(request, goneOf(request));
  // Trailers are lost. Node sets them when the body has ended.
  if (headers['transfer-encoding'] !== undefined)
    Object.defineProperty(request, 'rawTrailers', { get: () => [], set: () => undefined });
  const chain = headers['x-forwarded-for'];
  const added = ['x-forwarded-for', gateway, ...addedHeaders(request, String(chain ?? ''))];
  if (/^P(?:OST|UT|ATCH)$/.test(request.method ?? '') && !hasBody(request)) added.push('content-length', '0');
  request.rawHeaders.push(...added);
  for (let place = 0; place < added.length; place += 2) {
    const name = added[place] ?? '';
    const before = headers[name];
    headers[name] = typeof before === 'string' ? `${before}, ${added[place + 1]}` : added[place + 1];
  }
}

/** Whether a request says that it has a body, be it empty. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** The activator's own hop ends at queue-proxy. */
export function endHop(request: IncomingMessage): void {
  if (request.headers.connection !== undefined) takeAway(request, onlyConnection);
}

function takeAway(request: IncomingMessage, gone: ReadonlySet<string>): void {
  if (gone.size === 0) return;
  const kept: string[] = [];
  const { headers, rawHeaders } = request;
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = rawHeaders[place] ?? '';
    if (!gone.has(name.toLowerCase())) kept.push(name, rawHeaders[place + 1] ?? '');
  }
  request.rawHeaders = kept;
  for (const name of gone) Reflect.deleteProperty(headers, name);
}

const none: ReadonlySet<string> = new Set();
const onlyConnection: ReadonlySet<string> = new Set(['connection']);

/** The names of a request's headers that its function does not get. */
function goneOf({ headers }: IncomingMessage): ReadonlySet<string> {
  let found: string[] | undefined;
  for (const name in headers)
    if (hopByHop.has(name) || name.startsWith('x-envoy-')) (found ??= []).push(name);
  if (!found) return none;
  // What most clients send: it shall cost little.
  if (found.length === 1 && /^(?:keep-alive|close)$/i.test(headers.connection ?? '')) return onlyConnection;
  const gone = new Set(found);
  for (const named of headers.connection?.split(',') ?? []) gone.add(named.trim().toLowerCase());
  gone.delete('transfer-encoding');
  if (headers['transfer-encoding'] !== undefined) gone.delete('trailer');
  if (headers.te === 'trailers') gone.delete('te');
  // The gateway lets through no other protocol.
  if (isWebsocket(headers.upgrade)) for (const name of ['connection', 'upgrade']) gone.delete(name);
  return gone;
}

/** Whether an Upgrade header asks for a websocket. */
export function isWebsocket(upgrade: string | undefined): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** The other headers that the platform adds (flat: name, value, …). `chain` is X-Forwarded-For as it reaches queue-proxy. */
function addedHeaders({ headers }: IncomingMessage, chain: string): string[] {
  const added: string[] = [];
  const proto = header(headers['x-forwarded-proto']) ?? 'http';
  if (headers['x-forwarded-proto'] === undefined) added.push('x-forwarded-proto', proto);
  if (headers.forwarded === undefined)
    added.push('forwarded', forwarded(chain, header(headers['x-forwarded-host']), proto));
  if (!headers['x-request-id']) added.push('x-request-id', randomUUID());
  return added;
}

function header(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `for=…;host=…;proto=…` of the X-Forwarded headers that are there (knative/serving pkg/http/handler, ForwardedShimHandler). */
function forwarded(chain: string, host: string | undefined, proto: string): string {
  const [first, ...others] = chain === '' ? [] : chain.split(',').map((one) => `for=${quoted(one.trim())}`);
  const head = [...(first ? [first] : []), ...(host === undefined ? [] : [`host=${host}`]), `proto=${proto}`];
  return [head.join(';'), ...others].join(', ');
}

/** IPv6 addresses stand in brackets and quotes (RFC 7239 §6). */
function quoted(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}
