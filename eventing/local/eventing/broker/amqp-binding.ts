import { NotAnEvent, isVersion, setAttribute, zeroTime, type Event, type Trace } from './event.ts';
import { goString } from './go-string.ts';
import { modeOf } from './http-binding.ts';
import { fromJson } from './json-format.ts';
import type { Message } from './queues.ts';

/** The message that the Broker's ingress and dispatcher publish for an event. Bare names are headers (the bindings match on them). */
export function toMessage(event: Event, trace?: Trace): Message {
  const contentType = event.contentType ?? '';
  const { schemaurl, ...attributes } = event.attributes;
  // Its name in 0.3.
  const schema = attributes['specversion'] === '0.3' ? 'dataschema' : 'schemaurl';
  const headers = {
    ...{ 'content-type': contentType, time: zeroTime, ...trace, ...attributes },
    ...(schemaurl === undefined ? {} : { [schema]: schemaurl }),
  };
  return { headers, contentType, messageId: String(event.attributes['id']), body: event.data };
}

/** The form of a message from a queue, decided as RabbitmqSource and the dispatcher do. */
export function encodingOf(message: Message): 'structured' | 'batch' | 'binary' | 'plain' {
  const mode = modeOf(message.contentType);
  if (mode !== 'binary') return mode;
  return isVersion(eventHeaders(message)['specversion']) ? 'binary' : 'plain';
}

/**
 * The event of a message in binary or structured mode. The *header* `content-type` gives the content type. The property of that name, `x-`
 * headers and the trace context are left out. `source` fills a missing one. Throws NotAnEvent.
 */
export function fromMessage(message: Message, source: string): Event {
  const encoding = encodingOf(message);
  if (encoding === 'structured') return fromJson(message.body);
  if (encoding === 'batch') throw new NotAnEvent('a batch is not taken: publish one message for each event');
  const headers = eventHeaders(message);
  if (encoding === 'plain') throw new NotAnEvent('no specversion header');
  const event: Event = { attributes: {}, contentType: undefined, data: message.body };
  headers['source'] ??= source;
  for (const name in headers) {
    if (name === 'content-type') setAttribute(event, 'datacontenttype', headers[name] ?? '');
    else if (!name.startsWith('x-')) setAttribute(event, name, headers[name] ?? '');
  }
  return event;
}

function eventHeaders(message: Message): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const key in message.headers) {
    if (key === 'traceparent' || key === 'tracestate') continue;
    const name = key.toLowerCase();
    headers[name.startsWith('ce-') ? name.slice(3) : name] = goString(message.headers[key]);
  }
  return headers;
}
