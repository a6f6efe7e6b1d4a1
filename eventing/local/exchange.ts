import type { Refusal } from './refusal.ts';
import type { Replica } from './replica.ts';

/** A request on its way through an activator, and the answer on its way back. */
export type Exchange = {
  /** performance.now() at its arrival. */
  readonly arrivedMs: number;
  /** The replica that has it. */
  replica: Replica | undefined;
  /** Sends it to the replica. Calls `done` of its activator once, when the answer is complete or failed. */
  begin(replica: Replica): void;
  /** Answers it here instead; also when an answer had begun, which then is cut. */
  refuse(refusal: Refusal): void;
};
