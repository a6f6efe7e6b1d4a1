import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { refusedHeader } from './answer.ts';

/** Lets pages of these origins call the API from a browser; browsers hide our answers from pages of other origins. No credentials are involved. */
export function crossOrigin(allowed: readonly string[]): MiddlewareHandler {
  const forPages = cors({
    origin: (origin) => (allowed.includes(origin) ? origin : null),
    allowMethods: ['GET', 'POST'],
    allowHeaders: [
      'content-type',
      'prefer',
      'idempotency-key',
      'last-event-id',
      'x-request-id',
      'traceparent',
      'tracestate',
    ],
    exposeHeaders: ['location', 'retry-after', 'preference-applied', 'x-request-id', refusedHeader],
    maxAge: 7200,
  });
  return async function crossOrigin(c, next) {
    // Browsers name the origin. Other clients skip the middleware, which makes a whole new answer each time.
    if (c.req.header('origin') !== undefined) return forPages(c, next);
    await next();
    c.res.headers.append('vary', 'origin');
  };
}
