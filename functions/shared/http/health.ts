/** A fetch handler, as an app has it. */
export type Fetch = (request: Request) => Response | Promise<Response>;

/** Whether a function takes requests: not before its model or catalogue is there, and not after it is told to stop. */
export type Readiness = { ready: boolean };

export type ProbeAnswer = { status: number; headers: Record<string, string>; body: string };

const text = (status: number, body: string): ProbeAnswer => ({
  status,
  headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' },
  body: `${body}\n`,
});

/** Answers a probe: alive at once, ready when `readiness` says so. Undefined for any other request. `target` is path and query. */
export function answerProbe(readiness: Readiness, method = '', target = ''): ProbeAnswer | undefined {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const alive = path === '/health/liveness';
  if (!alive && path !== '/health/readiness') return undefined;
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, headers: { allow: 'GET, HEAD' }, body: '' };
  if (alive) return text(200, 'alive');
  return readiness.ready ? text(200, 'ready') : text(503, 'not ready');
}
