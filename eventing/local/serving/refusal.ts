import type { ServerResponse } from 'node:http';

/** What the platform itself answers a request. */
export type Refusal = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const text = { 'content-type': 'text/plain; charset=utf-8' };

/** A line of text, as Go's `http.Error` writes it: so say activator and queue-proxy most of what they refuse. */
export function httpError(status: number, line: string): Refusal {
  return { status, headers: { ...text, 'x-content-type-options': 'nosniff' }, body: `${line}\n` };
}

/** The function's process broke off the connection without an answer. */
export const noAnswer = httpError(502, 'EOF');

/** Nothing listens on the function's port. */
export const connectionRefused = httpError(502, 'dial tcp 127.0.0.1:8080: connect: connection refused');

/** Requests that wait in a replica's queue-proxy, per request that may be in flight (knative/serving cmd/queue, breaker queue depth). */
export const queueFactor = 10;
/** The answer to requests beyond it. */
export const queueFull = httpError(503, 'pending request queue full');

/** The time limit is over (knative/serving pkg/http/handler/timeout.go). An answer that has begun ends with this body. */
export function timedOut(body: 'request timeout' | 'activator request timeout'): Refusal {
  return { status: 504, headers: text, body };
}

/** What no cluster says: why nothing answers here, as `application/problem+json`. */
export function unavailable(detail: string, retryAfterSeconds: number): Refusal {
  return {
    status: 503,
    headers: {
      'content-type': 'application/problem+json',
      'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))),
    },
    body: JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503, detail }),
  };
}

/** Answers with a refusal. */
export function sendRefusal(response: ServerResponse, { status, headers, body }: Refusal): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

const reasons: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** A refusal as bytes for a connection that has no `ServerResponse`, or whose function may still hold it; the connection ends after it. */
export function rawRefusal({ status, headers, body }: Refusal): string {
  const lines = Object.entries({
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reasons[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}
