import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** `/local/` belongs to the platform, whoever has the connection. */
export function toPlatform(platform: string, request: IncomingMessage, response: ServerResponse): void {
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
