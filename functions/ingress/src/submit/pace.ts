/** How long an event takes until it is answered, as measured. */
export type Pace = {
  /** Another event took so many ms. */
  took(ms: number): void;
  /** The ms within which an event is answered as a rule. */
  within(): number;
  /** The most ms that one event counts for. */
  most: number;
};

/** Before anything is measured, in ms. */
const first = 10;
const most = 1000;

/** The smoothed time and four times its deviation, as TCP's retransmission timer has it (RFC 6298, section 2). */
export function createPace(): Pace {
  let smoothed: number | undefined;
  let deviation = 0;
  return {
    took(ms) {
      const measured = Math.min(ms, most);
      if (smoothed === undefined) {
        smoothed = measured;
        deviation = measured / 2;
        return;
      }
      deviation += (Math.abs(smoothed - measured) - deviation) / 4;
      smoothed += (measured - smoothed) / 8;
    },
    most,
    within: () => (smoothed === undefined ? first : smoothed + 4 * deviation),
  };
}
