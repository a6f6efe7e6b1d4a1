import type { Pool } from 'undici';
import type { ColdStart } from './cold-start.ts';
import type { QueueProxyLink } from './queue-proxy/link.ts';
import type { Refusal } from './refusal.ts';

/** A request on its way through an activator, and the answer on its way back. */
export type Exchange = {
  /** performance.now() at its arrival. */
  readonly arrivedMs: number;
  /** The replica that has it. */
  replica: Replica | undefined;
  /** Sends it to the replica. Calls `done` of its activator once, when the answer is complete or failed. */
  begin(replica: Replica): void;
  /** Answers it here instead; cuts an answer that has begun. */
  refuse(refusal: Refusal): void;
};

/** `starting`: not ready yet, or no longer. */
export type ReplicaState = 'starting' | 'ready' | 'draining' | 'gone';

/** One process of a revision. */
export type Replica = {
  readonly revision: string;
  readonly pid: number;
  /** Where it listens on loopback. */
  readonly port: number;
  readonly pool: Pool;
  /** The link to its queue-proxy, if it has one. */
  readonly link: QueueProxyLink | undefined;
  readonly coldStart: ColdStart;
  readonly startedMs: number;
  state: ReplicaState;
  /** It was told to stop. */
  drained: boolean;
  /** Requests that the process now has. */
  inFlight: number;
  /** Requests in its queue-proxy that wait for one of those to end. */
  readonly queue: Set<Exchange>;
  /** Takes no new request; finishes, gets SIGTERM, and SIGKILL after `deadlineMs`. Resolves when the process is gone. */
  drain(deadlineMs: number): Promise<void>;
  kill(): void;
  /** A connection to it failed: no request goes to it until its readiness endpoint answers again, as after its start. */
  suspect(): void;
  /** Call this when `inFlight` or `queue` went down. */
  settled(): void;
};
