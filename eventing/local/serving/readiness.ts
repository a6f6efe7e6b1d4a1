import http from 'node:http';

/** How a replica that is ready is asked: Knative's defaults for a probe without a period, which is what func writes. */
export const readinessPeriod = { ms: 10_000, timeoutMs: 1000, failures: 3 };

/** What a readiness endpoint says; `silent`: nothing within `timeoutMs`, or no connection. */
export function askReadiness(
  port: number,
  path: string,
  timeoutMs: number,
): Promise<'ready' | 'unready' | 'silent'> {
  return new Promise((resolve) => {
    const request = http.get({
      ...{ host: '127.0.0.1', port, path, agent: false, timeout: timeoutMs },
      headers: { 'user-agent': 'kube-probe/kickoff' },
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {
      resolve('silent');
    });
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 400 ? 'ready' : 'unready');
    });
  });
}
