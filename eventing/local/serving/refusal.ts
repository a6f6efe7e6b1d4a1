/** Why the platform itself answers a request, as `application/problem+json`. */
export type Refusal = { status: 400 | 502 | 503 | 504; detail: string; retryAfterSeconds?: number };

const titles = { 400: 'Bad Request', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout' };

/** Status, headers and body of a refusal. */
export function refusalAnswer(
  refusal: Refusal,
  requestId: string | undefined,
): { status: number; headers: Record<string, string>; body: string } {
  const { status, detail, retryAfterSeconds } = refusal;
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryAfterSeconds === undefined
        ? {}
        : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) }),
      ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    },
    body: JSON.stringify({
      type: 'about:blank',
      title: titles[status],
      status,
      detail,
      ...(requestId === undefined ? {} : { requestId }),
    }),
  };
}
