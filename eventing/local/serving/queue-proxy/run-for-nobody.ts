import http from 'node:http';
import type { IncomingMessage } from 'node:http';

/**
 * A request with a body is run when its turn comes, although its client has gone: Go notices that only once it has read the body. Sent anew to this
 * process, and so behind all that wait. A body that had not come whole is lost with its request.
 */
export function runForNobody(request: IncomingMessage, port: number): void {
  const { method, url, rawHeaders, complete } = request;
  // Destroyed, it still has what it had read.
  const body: unknown = complete ? request.read() : null;
  if (!(body instanceof Buffer)) return;
  const again = http.request({
    ...{ host: '127.0.0.1', port, method, path: url, headers: rawHeaders, agent: false },
  });
  again.on('response', (response) => response.resume()).on('error', () => undefined);
  again.end(body);
}
