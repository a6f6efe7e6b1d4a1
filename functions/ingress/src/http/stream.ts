import type { Store } from '../../../shared/store/store.ts';
import { jobAnswer, outcomeAnswer, withMembers } from './answers.ts';
import type { Waiting } from '../submit/waiting.ts';

const heartbeatMs = 15_000;

/** One server-sent event. Its id counts the outcomes told, so that any replica can continue from it. */
export type StateEvent = { id: string; event: 'state' | 'outcome'; data: string } | { comment: string };

/**
 * The states of a job until its end: first `state`, then for a list an `outcome` for each place in order, last the final `state`. `lastEventId`
 * is the last that a client saw of an earlier stream: nothing up to it is sent again, except the final state.
 */
export async function* states(
  id: string,
  {
    store,
    waiting,
    lastEventId,
    signal,
  }: {
    store: Pick<Store, 'find'>;
    waiting: Pick<Waiting, 'open' | 'hurried'>;
    lastEventId: string | undefined;
    signal: AbortSignal;
  },
): AsyncGenerator<StateEvent, void> {
  let next = /^\d{1,4}$/.test(lastEventId ?? '') ? Number(lastEventId) : -1;
  const found = await store.find(id);
  if (!('outcomes' in found)) return;
  const { list } = found;
  const waiter = waiting.open(id, found.outcomes.length);
  waiter.fill(found.outcomes);
  let toldAt = performance.now();
  try {
    if (next < 0 && !waiter.complete()) {
      next = 0;
      yield {
        id: '0',
        event: 'state',
        data: JSON.stringify({ id, status: 'queued', total: waiter.outcomes.length }),
      };
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
      // A client that is cut off here comes again with its last id, to another replica.
      if (signal.aborted || waiting.hurried()) return;
      await waiter.changed(Math.max(0, toldAt + heartbeatMs - performance.now()), signal);
      if (performance.now() - toldAt < heartbeatMs) continue;
      toldAt = performance.now();
      yield { comment: 'still waiting' };
    }
  } finally {
    waiter.close();
  }
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
          const text =
            'comment' in value
              ? `: ${value.comment}\n\n`
              : `id: ${value.id}\nevent: ${value.event}\ndata: ${value.data}\n\n`;
          controller.enqueue(encoder.encode(text));
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
