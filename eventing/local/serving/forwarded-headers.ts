import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Headers for one hop only (RFC 9110 §7.6.1), and `expect`, which the server has answered. */
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

/** Whether a header stays on this hop. */
export function staysHere(name: string): boolean {
  return hopByHop.has(name);
}

/** The headers of a request as its replica gets them from the activator (flat: name, value, …). */
export function forwardedHeaders(request: IncomingMessage): { headers: string[]; requestId: string } {
  const { rawHeaders } = request;
  const headers = ['k-proxy-request', 'activator'];
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] ?? '').toLowerCase();
    if (!hopByHop.has(name)) headers.push(name, rawHeaders[place + 1] ?? '');
  }
  const added = addedHeaders(request);
  headers.push('k-original-host', request.headers.host ?? '', ...added.headers);
  return { headers, requestId: added.requestId };
}

/** The headers that the platform adds to those of a request (flat: name, value, …). X-Forwarded-For adds to one that is there. */
export function addedHeaders(request: IncomingMessage): { headers: string[]; requestId: string } {
  const own = request.headers;
  const client = request.socket.remoteAddress ?? '127.0.0.1';
  const before = header(request, 'x-forwarded-for');
  const host = header(request, 'x-forwarded-host') ?? own.host ?? '';
  const proto = header(request, 'x-forwarded-proto') ?? 'http';
  const headers = ['x-forwarded-for', client];
  if (own['x-forwarded-host'] === undefined) headers.push('x-forwarded-host', host);
  if (own['x-forwarded-proto'] === undefined) headers.push('x-forwarded-proto', proto);
  if (own.forwarded === undefined)
    headers.push('forwarded', forwarded(before ? `${before}, ${client}` : client, host, proto));
  const given = header(request, 'x-request-id');
  const requestId = given ? given : randomUUID();
  if (requestId !== given) headers.push('x-request-id', requestId);
  return { headers, requestId };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** `for=…;host=…;proto=…` of the X-Forwarded headers (knative/serving pkg/http/handler, ForwardedShimHandler). */
function forwarded(chain: string, host: string, proto: string): string {
  const [first = '', ...others] = chain.split(',').map((one) => `for=${quoted(one.trim())}`);
  return [`${first};host=${host};proto=${proto}`, ...others].join(', ');
}

/** IPv6 addresses stand in brackets and quotes (RFC 7239 §6). */
function quoted(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}
