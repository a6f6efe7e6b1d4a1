import { v5 } from 'uuid';
import { dataText, extensionsOf } from '../../shared/events/cloudevents.ts';
import type { Received } from '../../shared/events/receive.ts';
import type { DeadLetter } from '../../shared/store/store.ts';

const namespace = '6b0f4c1e-92d7-5e3a-8f54-7c2d19e0a8b6';

/** The most bytes of data that are kept of an event, and of its attributes. */
const largest = { data: 2 ** 20, attributes: 2 ** 16 };

/**
 * The letter that is kept of an event whose delivery failed. Data that is too large stays out of it. Undefined where the attributes alone are too large.
 */
export function letterOf({ event, verdict }: Received, now: number): DeadLetter | undefined {
  const { knativeerrordest: destination = 'unknown', knativeerrorcode: code } = extensionsOf(event, [
    'knativeerrordest',
    'knativeerrorcode',
  ]);
  const { data, ...attributes } = event.toJSON();
  if (Buffer.byteLength(JSON.stringify(attributes)) > largest.attributes) return undefined;
  const text = dataText(event);
  const bytes = Buffer.byteLength(text);
  const signed = verdict === 'ours';
  // The same letter that comes twice has the same id. One that somebody made up has another than that which it copies, whose place it must not take.
  const identity = [event.source, event.id, destination, signed, text];
  return {
    id: v5(JSON.stringify(identity), namespace),
    time: new Date(now).toISOString(),
    destination,
    code: Number(code ?? 0) || 0,
    attempts: 1,
    signed,
    ...(bytes > largest.data ? { omitted: bytes, event: attributes } : { event: { ...attributes, data } }),
  };
}
