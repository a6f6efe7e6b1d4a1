import { ServerResponse } from 'node:http';

/**
 * An informational status of the function's (103, 102) never reaches a client, and its final status becomes 200: Knative's recorder keeps the first
 * status as the only one. Trailers do not pass either.
 */
export function swallowInformational(): void {
  const informed = function (this: ServerResponse): void {
    const writeHead = this.writeHead.bind(this) as (status: number, ...rest: unknown[]) => ServerResponse;
    Object.assign(this, { writeHead: (_: number, ...rest: unknown[]) => writeHead(200, ...rest) });
  };
  const lost = (): void => undefined;
  Object.assign(ServerResponse.prototype, {
    writeEarlyHints: informed,
    writeProcessing: informed,
    addTrailers: lost,
  });
}
