import type * as v from 'valibot';
import { http } from '../builtins.ts';

/** One fault of the input: a JSON pointer (RFC 6901) to it, and what to do. */
export type Fault = { pointer: string; detail: string; nearest?: readonly string[] };

/** An error answer in the form of RFC 9457 (`application/problem+json`). */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly faults: readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    detail: string,
    more: { faults?: readonly Fault[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.status = status;
    this.faults = more.faults ?? [];
    this.headers = more.headers ?? {};
  }
}

/** The answer of a problem; a caller names it to us by `requestId`. */
export function problemAnswer(problem: Problem, requestId: string) {
  const body = {
    type: 'about:blank',
    title: http.STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    requestId,
    ...(problem.faults.length > 0 ? { errors: problem.faults } : {}),
  };
  return {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': 'application/problem+json' },
    body: JSON.stringify(body),
  };
}

/** The response of a problem for which no request id is known. */
export function problemResponse(problem: Problem): Response {
  const { body, ...head } = problemAnswer(problem, '');
  return new Response(body, head);
}

/** 503 with `Retry-After` in seconds. */
export function retryLater(detail: string, seconds = 1): Problem {
  return new Problem(503, detail, { headers: { 'retry-after': String(seconds) } });
}

/** The faults of a schema's issues, below `prefix`. */
export function faultsOf(issues: readonly v.BaseIssue<unknown>[], prefix = ''): Fault[] {
  return issues.map((issue) => ({
    pointer: prefix + (issue.path ?? []).map(({ key }) => `/${escape(String(key))}`).join(''),
    detail:
      issue.expected === 'never'
        ? 'is not a known field'
        : issue.received === 'undefined'
          ? 'is required'
          : issue.message,
  }));
}

function escape(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
