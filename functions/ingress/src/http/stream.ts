import type { Store } from '../../../shared/store/store.ts';
import { jobAnswer, outcomeAnswer, withMembers } from './answers.ts';
import type { Waiting } from '../submit/waiting.ts';

const heartbeatMs = 15_000;

/**
 * How long a stream may last. At `timeoutSeconds` (300, from the request's arrival, a cold start included) Knative would end it as a whole 200, with
 * `request timeout` behind it: nobody could tell that from its end.
 */
const longestMs = 240_000;
/** When the client of a stream that we end may come again. */
const againMs = 1000;

/**
 * One server-sent event. Its id counts the outcomes told, so that any replica can continue from it. The last is a `state` that is not `queued`, or
 * `again`: a stream that ends without either was cut.
 */
export type StateEvent =
  | { id: string; event: 'state' | 'outcome'; data: string }
  | { event: 'again'; data: string; retryMs: number }
  | { comment: string };

/**
 * The states of a job until its end: first `state`, then for a list an `outcome` for each place in order, last the final `state`. `lastEventId`
 * is the last that a client saw of an earlier stream: nothing up to it is sent again, except the final state. After `lastsMs`, or when the process
 * will stop, the last is `again`: the client comes with its last id, to any replica.
 */
export async function* states(
  id: string,
  {
    store,
    waiting,
    lastEventId,
    signal,
    lastsMs = longestMs,
  }: {
    store: Pick<Store, 'find'>;
    waiting: Pick<Waiting, 'open' | 'hurried'>;
    lastEventId: string | undefined;
    signal: AbortSignal;
    lastsMs?: number;
  },
): AsyncGenerator<StateEvent, void> {
  let next = /^\d{1,4}$/.test(lastEventId ?? '') ? Number(lastEventId) : -1;
  const found = await store.find(id);
  if (!('outcomes' in found)) return;
  const { list } = found;
  const waiter = waiting.open(id, found.outcomes.length);
  waiter.fill(found.outcomes);
  let toldAt = performance.now();
  const endsAt = toldAt + lastsMs;
  const queued = JSON.stringify({ id, status: 'queued', total: waiter.outcomes.length });
  try {
    if (next < 0 && !waiter.complete()) {
      next = 0;
      yield { id: '0', event: 'state', data: queued };
    }
    next = Math.max(next, 0);
    for (;;) {
      for (; list && next < waiter.outcomes.length && waiter.outcomes[next]; next++) {
        const data = withMembers(`"place":${next}`, outcomeAnswer(waiter.outcomes[next]));
        yield { id: String(next + 1), event: 'outcome', data };
        toldAt = performance.now();
      }
      if (waiter.complete()) {
        const data = jobAnswer(id, list, waiter.outcomes).json;
        yield { id: String(waiter.outcomes.length + 1), event: 'state', data };
        return;
      }
      if (signal.aborted) return;
      const now = performance.now();
      if (waiting.hurried() || now >= endsAt) {
        yield { event: 'again', data: queued, retryMs: againMs };
        return;
      }
      await waiter.changed(Math.max(0, Math.min(toldAt + heartbeatMs, endsAt) - now), signal);
      if (performance.now() - toldAt < heartbeatMs) continue;
      toldAt = performance.now();
      yield { comment: 'still waiting' };
    }
  } finally {
    waiter.close();
  }
}

function textOf(event: StateEvent): string {
  if ('comment' in event) return `: ${event.comment}\n\n`;
  // Without an id of its own a browser keeps the last one.
  const first = 'retryMs' in event ? `retry: ${event.retryMs}` : `id: ${event.id}`;
  return `${first}\nevent: ${event.event}\ndata: ${event.data}\n\n`;
}

/** The states as the body of a `text/event-stream` response; `onEnd` is called once, however it ends. */
export function eventStream(
  events: AsyncGenerator<StateEvent, void>,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await events.next();
          if (done) {
            onEnd();
            controller.close();
            return;
          }
          controller.enqueue(encoder.encode(textOf(value)));
        } catch (error) {
          onEnd();
          controller.error(error);
        }
      },
      async cancel() {
        onEnd();
        await events.return();
      },
    },
    // Nothing is read ahead: a HEAD has no reader, and nobody would end what was begun for it.
    { highWaterMark: 0 },
  );
}
