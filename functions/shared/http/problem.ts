import type * as v from 'valibot';
import { http } from '../builtins.ts';

/** One fault of the input: a JSON pointer (RFC 6901) to it, and what to do. */
export type Fault = { pointer: string; detail: string; nearest?: readonly string[] };

/** An answer tells the first faults: writing down each of a million takes seconds. Of a text that came in it repeats the beginning. */
export const maxFaults = 20;
const longestText = 500;
const longestStep = 100;

/** An error answer in the form of RFC 9457 (`application/problem+json`). It tells the first `maxFaults`. */
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
    super(short(detail, longestText));
    const { faults = [] } = more;
    this.status = status;
    this.faults = faults
      .slice(0, maxFaults)
      .map((fault) => ({ ...fault, detail: short(fault.detail, longestText) }))
      .concat(faults.length > maxFaults ? moreFaults : []);
    this.headers = more.headers ?? {};
  }
}

const moreFaults: Fault = { pointer: '', detail: `there are more faults: these are the first ${maxFaults}` };

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

/** The faults of a schema's issues, below `prefix`: no more than show that there are too many to tell. */
export function faultsOf(issues: readonly v.BaseIssue<unknown>[], prefix = ''): Fault[] {
  return issues.slice(0, maxFaults + 1).map((issue) => ({
    pointer: prefix + pointerTo((issue.path ?? []).map(({ key }) => key)),
    detail:
      issue.expected === 'never'
        ? 'is not a known field'
        : issue.received === 'undefined'
          ? 'is required'
          : issue.message,
  }));
}

/** The JSON pointer (RFC 6901) that takes these steps; a name that is longer than any of ours is cut. */
export function pointerTo(steps: readonly unknown[]): string {
  return steps
    .map((step) => `/${short(String(step), longestStep).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

function short(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
