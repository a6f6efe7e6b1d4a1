import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Headers that are between two hops only (RFC 9110 §7.6.1), and `expect`, which the server has answered. */
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

/** The headers of a request as its replica gets them (flat: name, value, …), with those that the platform adds. */
export function forwardedHeaders(request: IncomingMessage): { headers: string[]; requestId: string } {
  const { rawHeaders } = request;
  const own = request.headers;
  const headers: string[] = [];
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] ?? '').toLowerCase();
    if (hopByHop.has(name) || name === 'x-forwarded-for') continue;
    headers.push(name, rawHeaders[place + 1] ?? '');
  }
  const client = request.socket.remoteAddress ?? '127.0.0.1';
  const host = own.host ?? '';
  const before = own['x-forwarded-for'];
  const chain = typeof before === 'string' && before !== '' ? `${before}, ${client}` : client;
  headers.push('k-proxy-request', 'activator', 'k-original-host', host, 'x-forwarded-for', chain);
  if (own['x-forwarded-host'] === undefined) headers.push('x-forwarded-host', host);
  if (own['x-forwarded-proto'] === undefined) headers.push('x-forwarded-proto', 'http');
  if (own.forwarded === undefined) headers.push('forwarded', forwarded(request, chain, host));
  const given = own['x-request-id'];
  const requestId = typeof given === 'string' && given !== '' ? given : randomUUID();
  if (requestId !== given) headers.push('x-request-id', requestId);
  return { headers, requestId };
}

/** `for=…;host=…;proto=…` of the X-Forwarded headers (knative/serving pkg/http/handler, ForwardedShimHandler). */
function forwarded(request: IncomingMessage, chain: string, host: string): string {
  const proto = header(request, 'x-forwarded-proto') ?? 'http';
  const forwardedHost = header(request, 'x-forwarded-host') ?? host;
  const [first = '', ...others] = chain.split(',').map((one) => `for=${quoted(one.trim())}`);
  return [`${first};host=${forwardedHost};proto=${proto}`, ...others].join(', ');
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** IPv6 addresses stand in brackets and quotes (RFC 7239 §6). */
function quoted(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}
