import type { IncomingMessage } from 'node:http';
import { isWebsocket } from './forwarded-headers.ts';
import { httpError } from './refusal.ts';
import type { Refusal } from './refusal.ts';

// What Kourier's Envoy, the activator and queue-proxy answer themselves, so that no function sees it. Recorded in ../shared/wire/http-path.json.

const closing = { connection: 'close' };
const plain = (status: number, body: string): Refusal => ({
  status,
  headers: { 'content-type': 'text/plain', ...closing },
  body,
});
const empty = (status: number, headers: Record<string, string> = {}): Refusal => ({
  status,
  headers,
  body: '',
});

const notHttp11 = plain(426, 'Upgrade Required');
const tooManyHeaders = plain(431, 'Request Header Fields Too Large');
const unknownEncoding = plain(501, 'Not Implemented');
const badRequest = empty(400, closing);
const noSuchHost = empty(404);
const noSuchProtocol = empty(403, closing);
const badPath: Refusal = {
  status: 400,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: '400 Bad Request',
};
const maxHeaders = 100;
/** Bytes of all headers together; more is 431. */
export const maxHeaderSize = 61_440;

/** The platform's own answer to a request, with the activator in its path or without; undefined if the function is to get it. */
export function gatewayAnswer(request: IncomingMessage, way: 'activator' | 'direct'): Refusal | undefined {
  const { httpVersion, rawHeaders, headers, method, url = '' } = request;
  if (httpVersion !== '1.1') return notHttp11;
  if (rawHeaders.length > 2 * maxHeaders) return tooManyHeaders;
  if (method === 'QUERY' || url.includes('#')) return badRequest;
  if (!/^(?:\/|https?:\/\/)/.test(url) || !oneHost(request)) return noSuchHost;
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') return unknownEncoding;
  if (headers.upgrade !== undefined && !/^(?:websocket|h2c)$/i.test(headers.upgrade)) return noSuchProtocol;
  if (url.includes('%') && /%(?![\da-f]{2})/i.test(url.split('?', 1)[0] ?? '')) return badPath;
  if (/^https?:/.test(url)) toOriginForm(request);
  return probeAnswer(request, way);
}

/** Two Host headers are one name with a comma to Envoy, which no service has. */
function oneHost({ headers, rawHeaders }: IncomingMessage): boolean {
  if (!headers.host || headers.host.endsWith('.')) return false;
  let hosts = 0;
  for (let place = 0; place < rawHeaders.length; place += 2)
    if (rawHeaders[place]?.length === 4 && rawHeaders[place]?.toLowerCase() === 'host') hosts++;
  return hosts === 1;
}

/** `GET http://host/path` is `GET /path` with that host, whatever the Host header says. */
function toOriginForm(request: IncomingMessage): void {
  const rest = (request.url ?? '').replace(/^https?:\/\//, '');
  const end = rest.search(/[/?]|$/);
  const authority = rest.slice(0, end);
  request.url = rest[end] === '/' ? rest.slice(end) : `/${rest.slice(end)}`;
  request.headers.host = authority;
  const { rawHeaders } = request;
  rawHeaders[rawHeaders.findIndex((name, place) => place % 2 === 0 && /^host$/i.test(name)) + 1] = authority;
}

/** Requests that look like the platform's own probes, from outside. */
function probeAnswer({ headers }: IncomingMessage, way: 'activator' | 'direct'): Refusal | undefined {
  const probe = headers['k-network-probe'];
  const hash = headers['k-network-hash'];
  if (probe === 'probe')
    return typeof hash === 'string' && hash !== ''
      ? empty(200, { 'k-network-hash': hash })
      : httpError(400, 'a probe request must contain a non-empty "K-Network-Hash" header');
  const ofKubelet = headers['user-agent']?.startsWith('kube-probe/') ?? false;
  if (way === 'direct') return ofKubelet ? httpError(400, 'unexpected probe header value: ') : undefined;
  if (probe === 'activator')
    return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'activator' };
  if (probe !== undefined) return httpError(400, `unexpected probe header value: ${JSON.stringify(probe)}`);
  return ofKubelet || headers['k-kubelet-probe'] !== undefined ? empty(200) : undefined;
}

/** Whether a server is to hand a request to its `upgrade` listener. Envoy lets websockets through; h2c it ignores. */
export function shouldUpgradeCallback({ headers }: IncomingMessage): boolean {
  return isWebsocket(headers.upgrade);
}
