import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HttpResponse, Send } from '../../../../eventing/local/seams.ts';
import type { DeliverySpec, Trigger, Wiring } from '../../../../eventing/local/manifests/wiring/wiring.ts';

/** A request that a function got, with its body as text. */
export type Got = { url: string; headers: Record<string, string>; body: string };

/** A temporary folder and its removal. */
export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-eventing-'));
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A `Send` that keeps what it got and answers as `answer` says. */
export function recorder(answer: (got: Got) => Partial<HttpResponse> | Promise<Partial<HttpResponse>>) {
  const got: Got[] = [];
  const send: Send = async (url, { headers, body }) => {
    const request = { url, headers, body: Buffer.from(body).toString() };
    got.push(request);
    const response = await answer(request);
    return { status: 202, headers: {}, body: new Uint8Array(), ...response };
  };
  return { got, send };
}

export const delivery: DeliverySpec = {
  retry: 2,
  backoffPolicy: 'exponential',
  backoffDelayMs: 5,
  timeoutMs: 1000,
  deadLetterSink: 'http://dead.kickoff.svc.cluster.local',
};

export function trigger(name: string, type: string, more: Partial<Trigger> = {}): Trigger {
  return {
    name,
    broker: 'kickoff',
    filter: { type },
    subscriber: `http://${name}.kickoff.svc.cluster.local`,
    parallelism: 4,
    delivery,
    ...more,
  };
}

export function wiringOf(triggers: Trigger[]): Wiring {
  return {
    namespace: 'kickoff',
    brokers: [{ name: 'kickoff', queueType: 'quorum' }],
    triggers,
    sources: [],
    pings: [],
    alternates: [],
    topology: { exchanges: [], queues: [], bindings: [] },
  };
}

/** A POST of an event in binary mode to the Broker. */
export function eventPost(type: string, headers: Record<string, string> = {}, body = '{"a":1}') {
  return {
    method: 'POST',
    path: '/',
    headers: {
      'ce-specversion': '1.0',
      'ce-id': crypto.randomUUID(),
      'ce-source': '/test',
      'ce-type': type,
      'ce-time': '2026-01-02T03:04:05Z',
      'content-type': 'application/json',
      ...headers,
    },
    body: Buffer.from(body),
  };
}
