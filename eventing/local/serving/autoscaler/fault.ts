/** A refused setting: its full key (for finding the line), the given value, and the sentence for people. */
export type Fault = { key: string; value: unknown; message: string };

/** The fault of a key, with what to do about it. */
export function refused(key: string, value: unknown, why: string): Fault {
  return { key, value, message: `${key}: ${JSON.stringify(value)} is refused: ${why}` };
}

/** Settings were refused; the message has a line per fault. */
export class AutoscalerConfigError extends Error {
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map((fault) => fault.message).join('\n'));
    this.name = 'AutoscalerConfigError';
    this.faults = faults;
  }
}
