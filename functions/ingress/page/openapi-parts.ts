import * as v from 'valibot';
import { refusedHeader } from '../src/http/answer.ts';
import { examples } from './openapi-examples.ts';
import { type SchemaName, schemas } from './openapi-schemas.ts';

export type Response = {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, unknown>;
  links?: unknown;
};
export type Operation = {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, unknown> };
  responses: Record<string, Response>;
};
export type Parameter = {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description: string;
  schema: object;
  example?: string;
};
export type OpenApi = {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<'get' | 'post', Operation>>>;
  components: { schemas: Record<string, unknown> };
};

/** A body with its example. An example that does not fit the schema stops the build of the description. */
export function body(name: SchemaName, example: unknown): { schema: object; example: unknown } {
  v.parse(schemas[name], example);
  return { schema: { $ref: `#/components/schemas/${name}` }, example };
}
export const json = (name: SchemaName, example: unknown) => ({ 'application/json': body(name, example) });

/** The headers of every answer of ingress. */
export const answerHeaders = {
  'x-request-id': {
    description: 'The id of this request in the logs: yours when you sent one.',
    schema: { type: 'string' },
  },
  [refusedHeader]: {
    description:
      'Only while the version that the alias of the model names cannot be loaded: that version. The last good one answers.',
    schema: { type: 'string' },
  },
};
export const ok = (description: string, name: SchemaName, example: unknown): Response => ({
  description,
  headers: answerHeaders,
  content: json(name, example),
});

const titles: Record<number, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  503: 'Service Unavailable',
};
export const retryAfter = {
  'retry-after': { description: 'Seconds to wait.', schema: { type: 'string', pattern: '^[0-9]+$' } },
};

export function problem(
  status: number,
  description: string,
  detail: string,
  errors?: object[],
): Record<string, Response> {
  const example = {
    type: 'about:blank',
    title: titles[status],
    status,
    detail,
    requestId: examples.requestId,
    ...(errors ? { errors } : {}),
  };
  const content = { 'application/problem+json': body('Problem', example) };
  const headers = status === 503 ? { ...answerHeaders, ...retryAfter } : answerHeaders;
  return { [status]: { description, headers, content } };
}

export const starting = problem(
  503,
  'Starting, overloaded, or the store is away: ask again.',
  'starting: the teams of the model are being loaded',
);
