import type { Context } from 'hono';

/**
 * What a route answers. The app makes the `Response`, with the headers that every answer has. Adding them to a finished `Response` would make and
 * read Node's `Headers` again each time.
 */
export type HttpAnswer = {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
};

/** The header of every answer while the version that the alias names cannot be loaded: that version. The last good one answers. */
export const refusedHeader = 'kickoff-model-refused';

export type Handler = (c: Context) => HttpAnswer | Promise<HttpAnswer>;

/** What a path answers, by method. */
export type Handlers = Partial<Record<'GET' | 'POST', Handler>>;

/** An answer of this JSON text. */
export function jsonText(body: string, { status = 200, headers }: Omit<HttpAnswer, 'body'> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An answer of this value as JSON. */
export function json(value: unknown, head?: Omit<HttpAnswer, 'body'>): HttpAnswer {
  return jsonText(JSON.stringify(value), head);
}
