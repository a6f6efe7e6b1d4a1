import type { Log } from '../../seams.ts';
import { Interrupted } from './attempt.ts';
import type { Consumer, Delivery, Queues } from './queues.ts';

/** The most unsettled messages that a consumer holds, whatever its parallelism (eventing-rabbitmq, connections_handler.go). */
export const prefetch = 100;

export type Workers = {
  /** Stops taking messages and resolves when the workers are done with theirs. */
  stop(): Promise<void>;
};

/**
 * Consumes `queue` with at most `parallelism` messages in work, started in the order of the queue. `handle` settles its message. If it throws
 * Interrupted, the message stays unsettled and comes again.
 */
export async function startWorkers(
  queues: Queues,
  queue: string,
  parallelism: number,
  handle: (delivery: Delivery) => Promise<void>,
  log: Log,
): Promise<Workers> {
  const waiting: Delivery[] = [];
  const inWork = new Set<Promise<void>>();
  let stopped = false;

  async function work(delivery: Delivery): Promise<void> {
    try {
      await handle(delivery);
    } catch (error) {
      if (!(error instanceof Interrupted)) {
        log(queue, `a delivery failed by a fault of the platform: ${String(error)}`);
        delivery.reject();
      }
    }
  }
  function start(): void {
    while (!stopped && inWork.size < parallelism) {
      const next = waiting.shift();
      if (!next) return;
      const working = work(next).finally(() => {
        inWork.delete(working);
        start();
      });
      inWork.add(working);
    }
  }

  const consumer: Consumer = await queues.consume(queue, prefetch, (delivery) => {
    waiting.push(delivery);
    start();
  });
  return {
    async stop() {
      stopped = true;
      await consumer.cancel();
      await Promise.all(inWork);
    },
  };
}
