import { setTimeout as wait } from 'node:timers/promises';

/** Time, as delivery needs it: the date, and a wait that `signal` cuts short (then it rejects). */
export type Clock = { now: () => Date; wait: (ms: number, signal: AbortSignal) => Promise<void> };

export const systemClock: Clock = {
  now: () => new Date(),
  wait: (ms, signal) => wait(ms, undefined, { signal }),
};
