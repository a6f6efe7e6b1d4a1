import type { Log } from '../log.ts';
import { type Event, EventFault, readEvent } from './cloudevents.ts';
import { type Verdict, verify } from './signature.ts';
import type { Keys } from './signing-keys.ts';

/** An event that arrived; `ours`: one of our own functions said it, anybody else may have made it up. */
export type Received = { event: Event; ours: boolean; verdict: Verdict };

const remedies: Partial<Record<Verdict, string>> = {
  'unknown-key':
    'signed by a key that is not in SIGNING_KEYS here: the functions have different keys, or a rotation is half done (docs/operating.md)',
  mismatch:
    'the signature names a key of ours and does not fit: the event was altered on its way, or made up',
};

/** Reads one event and whether it is ours. Undefined, with a line in the log, for what is no CloudEvent. */
export function createReceive(
  keys: Keys,
  log: Pick<Log, 'warn' | 'error'>,
): (request: Request) => Promise<Received | undefined> {
  return async function receive(request) {
    try {
      const event = await readEvent(request);
      const verdict = verify(event, keys);
      const remedy = remedies[verdict];
      const { id, source, type } = event;
      if (remedy !== undefined) log.warn(`an event is not believed: ${remedy}`, { id, source, type });
      return { event, ours: verdict === 'ours', verdict };
    } catch (error) {
      if (!(error instanceof EventFault)) throw error;
      log.error('dropped: not a CloudEvent', { error });
      return undefined;
    }
  };
}
