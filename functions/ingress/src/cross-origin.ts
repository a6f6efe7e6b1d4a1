import type { HttpAnswer } from './http-answer.ts';

type Headers = Readonly<Record<string, string>>;

/** Lets pages of some origins call the API from a browser; no other origin gets an answer that a browser hands on. No credentials are involved. */
export type CrossOrigin = {
  /** What every answer says to `origin`, which browsers name. */
  headers(origin: string | undefined): Headers;
  /** Answers a browser that asks before it calls. */
  preflight: HttpAnswer;
};

const forPages = { 'access-control-expose-headers': 'location,retry-after,preference-applied,x-request-id' };

export function crossOrigin(allowed: readonly string[]): CrossOrigin {
  return {
    headers(origin) {
      if (origin === undefined) return {};
      return allowed.includes(origin) ? { ...forPages, 'access-control-allow-origin': origin } : forPages;
    },
    preflight: {
      status: 204,
      headers: {
        'access-control-allow-methods': 'GET,POST',
        'access-control-allow-headers':
          'content-type,prefer,idempotency-key,last-event-id,x-request-id,traceparent,tracestate',
        'access-control-max-age': '7200',
        vary: 'access-control-request-headers',
      },
    },
  };
}
