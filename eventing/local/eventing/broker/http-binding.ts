import { NotAnEvent, isVersion, setAttribute, validate, zeroTime, type Event, type Trace } from './event.ts';
import { fromJson } from './json-format.ts';

type Headers = Record<string, string>;

const traceparentForm = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/;

/** Whether an HTTP message says that it carries one CloudEvent. Not a batch: Knative refuses it. Header names are lower-case. */
export function carriesEvent(headers: Headers): boolean {
  const mode = modeOf(headers['content-type']);
  return mode === 'structured' || (mode === 'binary' && isVersion(headers['ce-specversion']));
}

/** The CloudEvent of an HTTP message, in binary or structured mode, not yet validated. Throws NotAnEvent. */
export function fromHttp(headers: Headers, body: Uint8Array): Event {
  const contentType = headers['content-type'];
  const mode = modeOf(contentType);
  if (mode === 'structured') return fromJson(body);
  if (mode === 'batch') throw new NotAnEvent('a batch is not taken: send one request for each event');
  const version = headers['ce-specversion'];
  if (!isVersion(version)) {
    throw new NotAnEvent(version ? `specversion "${version}" is not 1.0 or 0.3` : 'no ce-specversion header');
  }
  const event: Event = { attributes: {}, contentType: contentType?.trim() || undefined, data: body };
  if ('ce-datacontenttype' in headers)
    throw new NotAnEvent('the media type belongs into content-type, not into ce-datacontenttype');
  for (const name in headers) {
    if (name.startsWith('ce-')) setAttribute(event, name.slice(3), asText(headers[name] ?? ''));
  }
  return event;
}

/** The headers of an event in binary mode. Values are UTF-8 bytes, unescaped, as the Go SDK sends them. */
export function toHttp(event: Event, trace?: Trace): Headers {
  const headers: Headers = {};
  for (const name in event.attributes) headers[`ce-${name}`] = asBytes(String(event.attributes[name]));
  if (event.contentType) headers['content-type'] = event.contentType;
  if (trace) {
    headers['traceparent'] = trace.traceparent;
    if (trace.tracestate) headers['tracestate'] = trace.tracestate;
  }
  return headers;
}

/** The trace context of an HTTP message, if it has a valid one. */
export function traceOf(headers: Record<string, unknown>): Trace | undefined {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || !traceparentForm.test(traceparent)) return undefined;
  return { traceparent, tracestate: typeof tracestate === 'string' ? tracestate : '' };
}

/** As a Go SDK client before it sends: fills a missing id and time, then validates. Throws NotAnEvent. */
export function complete(event: Event, now: () => Date): Event {
  const { id, time } = event.attributes;
  if (id === undefined || id === '') event.attributes['id'] = crypto.randomUUID();
  if (time === undefined || time === zeroTime) event.attributes['time'] = now().toISOString();
  validate(event);
  return event;
}

/** Which mode a content type announces (CloudEvents HTTP binding). */
export function modeOf(contentType: string | undefined): 'structured' | 'batch' | 'binary' {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/cloudevents+json') return 'structured';
  return type === 'application/cloudevents-batch+json' ? 'batch' : 'binary';
}

// Node's HTTP libraries take and give header values as latin1; on the wire they are UTF-8.
const ascii = /^[\0-\x7f]*$/;
const asText = (value: string) => (ascii.test(value) ? value : Buffer.from(value, 'latin1').toString());
const asBytes = (value: string) => (ascii.test(value) ? value : Buffer.from(value).toString('latin1'));
