import { Failure } from '../../../commands/command.ts';
import { takes } from './match.ts';
import { openQueueFile } from './queue-file.ts';
import type { Binding, Delivery, Exchange, Message, Queues } from './queues.ts';

/** Bytes of waiting bodies kept in memory; further ones are read from the file when their turn comes. */
const memoryBudget = 64 * 1024 * 1024;

type Waiting = { id: number; size: number; message: Message | undefined; redelivered: boolean };
type Taker = { prefetch: number; held: Set<number>; onDelivery: (delivery: Delivery) => void };
type QueueState = {
  name: string;
  waiting: Map<number, Waiting>;
  /** Bytes of the bodies that wait; above `maxBytes` the oldest are dropped. */
  bytes: number;
  maxBytes: number;
  inFlight: number;
  takers: Taker[];
  deadLetterExchange: string | undefined;
};
type Change = {
  apply: () => void;
  done: () => void;
  failed: (error: Error) => void;
};

/**
 * The embedded broker: queues in memory, every change in a SQLite file. One transaction commits all changes of one turn of the event loop;
 * consumers are woken right after, in process. Changes are durable in the order they were made. After a restart every message left is there, with
 * `redelivered` set: which ones had been handed out is not kept.
 */
export function openEmbedded(file: string): Queues {
  const store = openQueueFile(file);
  const exchanges = new Map<string, Exchange>();
  const bindings = new Map<string, Binding[]>();
  const queues = new Map<string, QueueState>();
  let changes: Change[] = [];
  let lastId = 0;
  let inMemory = 0;
  let closed = false;

  for (const { id, queue, size } of store.stored()) {
    enter(state(queue), { id, size, message: undefined, redelivered: true });
    lastId = id;
  }

  function state(name: string): QueueState {
    let queue = queues.get(name);
    if (!queue) {
      queue = {
        ...{ name, waiting: new Map(), bytes: 0, maxBytes: Infinity },
        ...{ inFlight: 0, takers: [], deadLetterExchange: undefined },
      };
      queues.set(name, queue);
    }
    return queue;
  }

  function enter(queue: QueueState, next: Waiting): void {
    queue.waiting.set(next.id, next);
    queue.bytes += next.size;
    inMemory += next.message ? next.size : 0;
  }

  function leave(queue: QueueState, next: Waiting): void {
    queue.waiting.delete(next.id);
    queue.bytes -= next.size;
    inMemory -= next.message ? next.size : 0;
  }

  function dropHead(queue: QueueState): void {
    const dropped: number[] = [];
    for (const next of queue.waiting.values()) {
      if (queue.bytes <= queue.maxBytes) break;
      leave(queue, next);
      dropped.push(next.id);
    }
    if (dropped.length === 0) return;
    const apply = (): void => {
      for (const id of dropped) store.remove(id);
    };
    change({ apply, done: () => undefined, failed: stays });
  }

  function change(next: Change): void {
    if (changes.push(next) === 1) setImmediate(flush);
  }

  function flush(): void {
    if (closed) return;
    const batch = changes;
    changes = [];
    try {
      store.begin();
      for (const { apply } of batch) apply();
      store.commit();
    } catch (error) {
      store.rollback();
      for (const { failed } of batch) failed(error as Error);
      return;
    }
    for (const { done } of batch) done();
  }

  function route(exchange: string, routingKey: string, message: Message): QueueState[] {
    const { type, alternate } = exchanges.get(exchange) ?? {};
    if (!type) throw new Error(`there is no exchange ${exchange}`);
    const matching = (bindings.get(exchange) ?? []).filter((binding) =>
      takes(type, binding, routingKey, message.headers),
    );
    if (matching.length === 0 && alternate !== undefined) return route(alternate, routingKey, message);
    return [...new Set(matching.map((binding) => state(binding.queue)))];
  }

  function deliver(queue: QueueState): void {
    for (const next of queue.waiting.values()) {
      const taker = queue.takers.find(({ held, prefetch }) => held.size < prefetch);
      if (!taker) return;
      leave(queue, next);
      taker.held.add(next.id);
      queue.inFlight++;
      hand(queue, taker, next.id, next.message ?? store.read(next.id), next.redelivered);
    }
  }

  function hand(queue: QueueState, taker: Taker, id: number, message: Message, redelivered: boolean): void {
    function settle(rejected: boolean): void {
      if (!taker.held.delete(id)) return;
      queue.inFlight--;
      const exchange = rejected ? queue.deadLetterExchange : undefined;
      const targets = exchange === undefined ? [] : route(exchange, '', message);
      put(targets, message, [id]).catch(stays);
      deliver(queue);
    }
    taker.onDelivery({
      ...message,
      redelivered,
      ack: () => {
        settle(false);
      },
      reject: () => {
        settle(true);
      },
    });
  }

  /** The removal failed (a full disk, say): the message stays in the file and comes again at the next start. */
  function stays(): void {
    // Nothing to do.
  }

  /** Stores a message in each target and removes others, as one change. */
  function put(targets: QueueState[], message: Message, removed: number[]): Promise<void> {
    const added = targets.map((queue) => ({ queue, id: ++lastId }));
    return new Promise((resolve, reject) => {
      change({
        apply() {
          for (const { queue, id } of added) store.insert(id, queue.name, message);
          for (const id of removed) store.remove(id);
        },
        done() {
          const size = message.body.byteLength;
          for (const { queue, id } of added) {
            const keep = inMemory + size <= memoryBudget;
            enter(queue, { id, size, message: keep ? message : undefined, redelivered: false });
          }
          resolve();
          for (const { queue } of added) {
            deliver(queue);
            dropHead(queue);
          }
        },
        failed: reject,
      });
    });
  }

  return {
    async declare(topology) {
      for (const exchange of topology.exchanges) {
        exchanges.set(exchange.name, exchange);
        bindings.set(exchange.name, []);
      }
      for (const queue of topology.queues) {
        const exchange = queue.arguments['x-dead-letter-exchange'];
        const declared = state(queue.name);
        declared.deadLetterExchange = typeof exchange === 'string' ? exchange : undefined;
        // What refuses instead bounds what AMQP publishes, and there is none here.
        const maxBytes = queue.arguments['x-max-length-bytes'];
        const drops = queue.arguments['x-overflow'] !== 'reject-publish';
        declared.maxBytes = drops && typeof maxBytes === 'number' ? maxBytes : Infinity;
        dropHead(declared);
      }
      for (const binding of topology.bindings) {
        if (exchanges.get(binding.exchange)?.type === 'topic' && /[*#]/.test(binding.routingKey))
          throw new Failure(
            `binding of ${binding.queue} to ${binding.exchange}: patterns need RabbitMQ (AMQP_URL)`,
          );
        bindings.get(binding.exchange)?.push(binding);
      }
    },
    async publish(exchange, routingKey, message) {
      if (closed) throw new Error('the embedded broker is closed');
      const targets = route(exchange, routingKey, message);
      if (targets.length > 0) await put(targets, message, []);
    },
    async consume(name, prefetch, onDelivery) {
      const queue = state(name);
      const taker: Taker = { prefetch, held: new Set(), onDelivery };
      queue.takers.push(taker);
      // In a later turn: the caller has its consumer before the first message.
      setImmediate(() => {
        deliver(queue);
      });
      return {
        async cancel() {
          queue.takers = queue.takers.filter((other) => other !== taker);
        },
      };
    },
    counts: () =>
      [...queues.values()].map(({ name, waiting, inFlight }) => ({
        queue: name,
        ready: waiting.size,
        inFlight,
      })),
    async close() {
      if (closed) return;
      while (changes.length > 0) flush();
      closed = true;
      store.close();
    },
  };
}
