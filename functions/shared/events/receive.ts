import { newId } from '../id.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createEvent, type Event, EventFault, eventResponse, noReply, parseEvent } from './cloudevents.ts';
import { refusedType } from './events.ts';
import { type Verdict, verify } from './signature.ts';
import type { Keys } from './signing-keys.ts';

/** An event that arrived. Unless its verdict is `ours`, anybody may have made it up. */
export type Received = { event: Event; verdict: Verdict };

/** What is not to be acted on, with the answer to it. It is logged and counted. */
export type Refused = { refused: Response };

/** How a function takes events in. */
export type Receiver = {
  /** Reads one event and whether it is ours. */
  receive: (request: Request) => Promise<Received | Refused>;
  /** Reads one event that only our own functions may say. */
  receiveOurs: (request: Request) => Promise<{ event: Event } | Refused>;
  /** The answer to an event that claims what only our own functions may say: whoever made it up gets no place to keep it in. */
  refuse: (received: Received) => Response;
  /** The answer to an event whose data cannot be read: an event of the reason, and of it. */
  unreadable: (event: Event, reason: string) => Response;
};

const reasons: Record<Exclude<Verdict, 'ours'>, string> = {
  unsigned: 'it is not signed, and only our own functions may say this',
  'unknown-key':
    'it is signed by a key that is not in SIGNING_KEYS here: the functions have different keys, or a rotation is half done (docs/operating.md)',
  mismatch: 'its signature does not fit: it was made up, or altered on its way',
};

/** Events are refused by the metric `kickoff_refused_events_total{reason}`; `source` is who refuses. */
export function createReceiver({
  source: own,
  keys,
  log,
  metrics,
}: {
  source: string;
  keys: Keys;
  log: Pick<Log, 'warn' | 'error'>;
  metrics: Pick<Metrics, 'count'>;
}): Receiver {
  async function receive(request: Request): Promise<Received | Refused> {
    const { headers } = request;
    const body = await request.text();
    try {
      const event = parseEvent(headers, body);
      return { event, verdict: verify(event, keys) };
    } catch (error) {
      if (!(error instanceof EventFault)) throw error;
      const reason = `no CloudEvent that can be read: ${error.message}`;
      log.error(`refused: ${reason}`);
      const told = [...headers].filter(([name]) => /^(ce-|content-type$)/.test(name));
      return { refused: reply({ reason, headers: Object.fromEntries(told), body }) };
    }
  }
  function refuse({ event: { id, source, type }, verdict }: Received): Response {
    if (verdict !== 'ours') {
      metrics.count('kickoff_refused_events_total', { reason: verdict });
      log.warn(`refused: ${reasons[verdict]}`, { id, source, type });
    }
    return noReply();
  }
  function reply(data: object): Response {
    metrics.count('kickoff_refused_events_total', { reason: 'unreadable' });
    return eventResponse(createEvent({ id: newId(), source: own, type: refusedType, data }));
  }
  return {
    receive,
    refuse,
    async receiveOurs(request) {
      const received = await receive(request);
      if ('refused' in received) return received;
      return received.verdict === 'ours' ? { event: received.event } : { refused: refuse(received) };
    },
    unreadable(event, reason) {
      const { id, source, type } = event;
      log.error(`refused: ${reason}`, { id, source: source.slice(0, 200), type });
      return reply({ reason, event: event.toJSON() });
    },
  };
}
