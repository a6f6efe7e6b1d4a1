export type Fetch = (request: Request) => Response | Promise<Response>;

/** Whether a function may be sent requests: not before its model or catalogue is there, and no more once it is told to stop. */
export type Readiness = { ready: boolean };

const text = (status: number, body: string): Response =>
  new Response(`${body}\n`, {
    status,
    headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' },
  });

/** Answers the probes before `next` sees them: alive at once, ready when it says so. */
export function withHealth(readiness: Readiness, next: Fetch): Fetch {
  return (request) => {
    const alive = request.url.endsWith('/health/liveness');
    if (!alive && !request.url.endsWith('/health/readiness')) return next(request);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
    if (alive) return text(200, 'alive');
    return readiness.ready ? text(200, 'ready') : text(503, 'not ready');
  };
}
