import { Refused } from './api.ts';
import { visible } from '../../../shared/visible.ts';

/** An error as it is told: what is wrong, and the nearest names where there are some. */
export type Fault = {
  message: string;
  requestId?: string | undefined;
  /** The fields of the fixture that are at fault. */
  fields: string[];
  choices: { field: string; names: string[] }[];
};

/** A fault that is all said in a sentence. */
export const faultSaying = (message: string): Fault => ({ message, fields: [], choices: [] });

/** Says of any error what a person can do about it. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Refused) {
    const faults = error.faults.map(({ pointer, nearest }) => ({
      field: pointer.replace('/', ''),
      names: nearest,
    }));
    const fields = faults.map(({ field }) => field);
    const choices = faults.filter(({ names }) => names.length > 0);
    // The reason of an unknown name ends with names that stand below as buttons.
    const message = choices.length > 0 ? error.message.replace(/; (nearest|known): .*$/, '') : error.message;
    return { message, requestId: error.requestId, fields, choices };
  }
  if (error instanceof TypeError) return faultSaying('There is no connection to the server.');
  return faultSaying(error instanceof Error ? error.message : String(error));
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Shows a fault; a nearest name can be taken with one click. */
export function FaultCard({
  fault,
  onChoose,
}: {
  fault: Fault;
  onChoose?: (field: string, name: string) => void;
}) {
  return (
    <section class="card problem" role="alert">
      <p>
        <strong>{visible(sentence(fault.message))}</strong>
      </p>
      {onChoose &&
        fault.choices.map(({ field, names }) => (
          <p key={field}>
            Nearest:{' '}
            {names.map((name) => (
              <button
                key={name}
                type="button"
                onClick={() => {
                  onChoose(field, name);
                }}
              >
                {visible(name)}
              </button>
            ))}
          </p>
        ))}
      {fault.requestId !== undefined && <p class="fine">Request {visible(fault.requestId)}</p>}
    </section>
  );
}
