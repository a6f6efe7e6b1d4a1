import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { type Event, EventFault, readEvent } from './cloudevents.ts';
import { type Verdict, verify } from './signature.ts';
import type { Keys } from './signing-keys.ts';

/** An event that arrived. Unless its verdict is `ours`, anybody may have made it up. */
export type Received = { event: Event; verdict: Verdict };

/** How a function takes events in. */
export type Receiver = {
  /** Reads one event and whether it is ours. Undefined, with a line in the log, for what is no CloudEvent. */
  receive: (request: Request) => Promise<Received | undefined>;
  /** Reads one event that only our own functions may say: undefined for any other too, which is refused. */
  receiveOurs: (request: Request) => Promise<Event | undefined>;
  /** Logs and counts an event that claims what only our own functions may say. Nothing else is to be done with it. */
  refuse: (received: Received) => void;
};

const reasons: Record<Exclude<Verdict, 'ours'>, string> = {
  unsigned: 'it is not signed, and only our own functions may say this',
  'unknown-key':
    'it is signed by a key that is not in SIGNING_KEYS here: the functions have different keys, or a rotation is half done (docs/operating.md)',
  mismatch: 'its signature does not fit: it was made up, or altered on its way',
};

/** Events are refused by the metric `kickoff_refused_events_total{reason}`. */
export function createReceiver({
  keys,
  log,
  metrics,
}: {
  keys: Keys;
  log: Pick<Log, 'warn' | 'error'>;
  metrics: Pick<Metrics, 'count'>;
}): Receiver {
  async function receive(request: Request): Promise<Received | undefined> {
    try {
      const event = await readEvent(request);
      return { event, verdict: verify(event, keys) };
    } catch (error) {
      if (!(error instanceof EventFault)) throw error;
      log.error('dropped: not a CloudEvent', { error });
      return undefined;
    }
  }
  function refuse({ event: { id, source, type }, verdict }: Received): void {
    if (verdict === 'ours') return;
    metrics.count('kickoff_refused_events_total', { reason: verdict });
    log.warn(`refused: ${reasons[verdict]}`, { id, source, type });
  }
  return {
    receive,
    refuse,
    async receiveOurs(request) {
      const received = await receive(request);
      if (received?.verdict === 'ours') return received.event;
      if (received) refuse(received);
      return undefined;
    },
  };
}
