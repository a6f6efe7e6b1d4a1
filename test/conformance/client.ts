import { expect } from 'vitest';
import type { World } from './world.ts';

export const json = { 'content-type': 'application/json' };

/** A body, or the text of one, and headers beside its content type. */
export type Asked = [body: unknown, headers?: Record<string, string>];

/** Asks a world for predictions. */
export function askFor(world: World, ...[body, headers]: Asked): Promise<Response> {
  return world.request('/v1/predictions', {
    method: 'POST',
    headers: { ...json, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Posts an event in the JSON format to a Broker's ingress. */
export const postTo =
  (broker: string) =>
  async (event: object): Promise<void> => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const { status } = await fetch(broker, { method: 'POST', headers, body: JSON.stringify(event) });
    if (status !== 202) throw new Error(`the Broker answered ${status}`);
  };

/** The body of a refusal, which must be of this status and of problem+json's form. */
export async function problem(response: Response, status: number): Promise<Record<string, unknown>> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as Record<string, unknown>;
  expect(body['status']).toBe(status);
  expect(body['requestId']).toBe(response.headers.get('x-request-id'));
  return body;
}

export type Answer = {
  id: string;
  status: string;
  cached: boolean;
  model: { ratingsAsOf: string };
  prediction: {
    home: string;
    away: string;
    probabilities: { home: number; draw: number; away: number };
    markets: { over25: number };
    scoreline?: number[][];
  };
};
export type ListAnswer = { id: string; status: string; outcomes: { status: string }[] };

/** A UUIDv7 from the clock and chance. */
export function id7(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

/** The server-sent events of a whole response. */
export async function events(
  response: Response,
): Promise<{ id: string; event: string; data: Record<string, unknown> }[]> {
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const blocks = (await response.text()).split('\n\n').filter((block) => block.startsWith('id:'));
  return blocks.map((block) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    return {
      id: field('id'),
      event: field('event'),
      data: JSON.parse(field('data')) as Record<string, unknown>,
    };
  });
}

/** The requests that POST /v1/events accepted, and where their results will be. */
export async function places(response: Response): Promise<{ id: string; location: string }[]> {
  expect(response.status).toBe(202);
  const { accepted } = (await response.json()) as {
    accepted: { requests: { id: string; location: string }[] }[];
  };
  return accepted.flatMap(({ requests }) => requests);
}
