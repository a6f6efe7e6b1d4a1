import type { Exchange, Replica } from './exchange.ts';
import { createMeter } from './meter.ts';
import type { Meter } from './meter.ts';
import { pickReplica } from './pick.ts';
import { queueFactor, queueFull, timedOut, unavailable } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** The most requests that one function holds (knative/serving cmd/activator, breaker queue depth). */
const maxHeld = 10_000;
const sweepMs = 100;

/** What an activator knows of the revision behind it. */
export type Backend = {
  /** Ready replicas of the current revision. */
  replicas(): readonly Replica[];
  /** Why no replica starts now; undefined while one can. */
  failing(): { reason: string; retryMs: number } | undefined;
  /** A request waits, or came while nothing runs. */
  wanted(): void;
};

/** Holds requests of one function until a replica can take them: never more than `containerConcurrency` in each. */
export type Activator = {
  readonly meter: Meter;
  readonly waiting: number;
  submit(exchange: Exchange): void;
  /** The exchange ended, wherever it was. */
  done(exchange: Exchange): void;
  /** Its replica took no connection, so nothing of the exchange was sent: it waits for another. */
  unsent(exchange: Exchange): void;
  /** Replicas came or freed slots: sends what waits. */
  flow(): void;
  /** Serve: requests go to a replica's own queue, which refuses any excess. Proxy: they wait here. */
  mode: 'Serve' | 'Proxy';
  refuseWaiting(refusal: Refusal): void;
  /** Refuses all that is left and stops its clock. */
  close(): void;
};

/** `holdMs`: the longest that a request waits for a replica; `timeoutMs`: how long it may take in all. */
export function createActivator(
  options: { name: string; containerConcurrency: number; holdMs: number; timeoutMs: number },
  backend: Backend,
): Activator {
  const { containerConcurrency, holdMs, timeoutMs } = options;
  const meter = createMeter();
  const pick = pickReplica<Replica>(containerConcurrency);
  const active = new Set<Exchange>();
  let waiting = new Set<Exchange>();
  let sweeper: NodeJS.Timeout | undefined;

  function begin(exchange: Exchange, replica: Replica): void {
    exchange.replica = replica;
    replica.inFlight++;
    exchange.begin(replica);
  }

  function serveDirectly(exchange: Exchange, replicas: readonly Replica[]): void {
    const replica = pick.any(replicas);
    if (!replica) waiting.add(exchange);
    else if (containerConcurrency === 0 || replica.inFlight < containerConcurrency) begin(exchange, replica);
    else if (replica.queue.size < queueFactor * containerConcurrency) {
      exchange.replica = replica;
      replica.queue.add(exchange);
    } else exchange.refuse(queueFull);
  }

  /** Takes the exchange off its replica. The replica's queue moves on: to the replica, or back here when it is no longer ready. */
  function release(exchange: Exchange, replica: Replica): void {
    if (!replica.queue.delete(exchange)) replica.inFlight--;
    const reachable = replica.state === 'ready' || replica.state === 'draining';
    const [next] = replica.queue;
    if (next && reachable) {
      replica.queue.delete(next);
      begin(next, replica);
    } else if (next) {
      hold([...replica.queue]);
      replica.queue.clear();
    }
    replica.settled();
  }

  /** Requests that had a replica go before all that wait. */
  function hold(exchanges: readonly Exchange[]): void {
    for (const exchange of exchanges) exchange.replica = undefined;
    waiting = new Set([...exchanges, ...waiting]);
  }

  function sweep(): void {
    const now = performance.now();
    for (const exchange of active) {
      if (now - exchange.arrivedMs < timeoutMs) break;
      // Out of the path there is no activator: queue-proxy keeps the time.
      const queueProxy = activator.mode === 'Serve' && exchange.replica;
      exchange.refuse(timedOut(queueProxy ? 'request timeout' : 'activator request timeout'));
    }
    for (const exchange of waiting) {
      if (now - exchange.arrivedMs < holdMs) break;
      const detail = backend.replicas().length === 0 ? 'no replica was ready' : 'all replicas were busy';
      exchange.refuse(unavailable(`${detail} for ${holdMs / 1000} s`, 5));
    }
    if (active.size === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
  }

  const activator: Activator = {
    meter,
    mode: 'Proxy',
    get waiting() {
      return waiting.size;
    },
    submit(exchange) {
      active.add(exchange);
      meter.enter();
      sweeper ??= setInterval(sweep, sweepMs);
      const replicas = backend.replicas();
      if (replicas.length === 0) {
        const failing = backend.failing();
        if (failing) {
          exchange.refuse(
            unavailable(`${options.name} cannot start: ${failing.reason}`, failing.retryMs / 1000),
          );
          return;
        }
        backend.wanted();
      }
      if (activator.mode === 'Serve' && replicas.length > 0) {
        serveDirectly(exchange, replicas);
        return;
      }
      const replica = waiting.size === 0 ? pick.free(replicas) : undefined;
      if (replica) begin(exchange, replica);
      else if (waiting.size < maxHeld) waiting.add(exchange);
      else exchange.refuse(unavailable(`${options.name} holds ${maxHeld} requests already`, 5));
    },
    done(exchange) {
      if (!active.delete(exchange)) return;
      meter.leave();
      waiting.delete(exchange);
      const { replica } = exchange;
      if (!replica) return;
      release(exchange, replica);
      if (waiting.size > 0) activator.flow();
    },
    unsent(exchange) {
      const { replica } = exchange;
      if (!replica) return;
      release(exchange, replica);
      hold([exchange]);
      activator.flow();
      if (backend.replicas().length === 0) backend.wanted();
    },
    flow() {
      const replicas = backend.replicas();
      for (const exchange of waiting) {
        const replica = pick.free(replicas);
        if (!replica) return;
        waiting.delete(exchange);
        begin(exchange, replica);
      }
    },
    refuseWaiting(refusal) {
      for (const exchange of waiting) exchange.refuse(refusal);
    },
    close() {
      for (const exchange of active) exchange.refuse(unavailable('the platform stops', 5));
      clearInterval(sweeper);
    },
  };
  return activator;
}
