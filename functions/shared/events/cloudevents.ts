import { CloudEvent, HTTP, type Message, ValidationError } from 'cloudevents';
import { describe } from '../log.ts';

/** A CloudEvent whose data nobody has parsed yet. Extensions are strings, as Knative and RabbitMQ carry them. */
export type Event = CloudEvent<unknown>;

/** What arrived is no valid CloudEvent 1.0; `unsupported`: its content type cannot carry one. */
export class EventFault extends Error {
  override name = 'EventFault';
  readonly unsupported: boolean;
  constructor(message: string, options: { unsupported?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.unsupported = options.unsupported ?? false;
  }
}

/** What makes an event. */
export type Draft = {
  id: string;
  source: string;
  type: string;
  data: unknown;
  extensions?: Readonly<Record<string, string>> | undefined;
};

// Not a member of the event: a clone with other data must not take the text along.
const texts = new WeakMap<Event, string>();

/** The JSON text of an event's data, as it came or as it will travel: no hop from AMQP to a function writes it anew. Empty where there is no data. */
export function dataText(event: Event): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  return event.data === undefined ? '' : JSON.stringify(event.data);
}

/** Makes a valid event. `time` is always set: otherwise the Broker invents one of the year 1. `text` is the JSON of the data, where it is known. */
export function createEvent(draft: Draft, text?: string): Event {
  const { extensions, ...attributes } = draft;
  const time = new Date().toISOString();
  const event = new CloudEvent<unknown>({
    ...extensions,
    ...attributes,
    specversion: '1.0',
    time,
    datacontenttype: 'application/json',
  });
  if (text !== undefined) texts.set(event, text);
  return event;
}

/** Reads one event in binary or structured mode. Throws `EventFault`. */
export async function readEvent(request: Request): Promise<Event> {
  return parseEvent(request.headers, await request.text());
}

/** The event of headers and a body, in binary or structured mode. Throws `EventFault`. */
export function parseEvent(headers: Headers, body: string): Event {
  const [event, ...more] = parseEvents(headers, body, asTheyCome);
  if (!event || more.length > 0) throw new EventFault('exactly one event is expected, not a batch');
  return event;
}

/** How events are read: what parses their JSON, and what takes in their attributes before an event is made of them. Both may throw. */
export type Reading = {
  parse: (text: string) => unknown;
  admit: (attributes: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
};

const asTheyCome: Reading = { parse: parseJson, admit: (attributes) => attributes };

/** Reads the events of a request in binary, structured or batch mode (CloudEvents HTTP binding 1.0). Throws `EventFault`. */
export async function readEvents(request: Request, reading = asTheyCome): Promise<Event[]> {
  return parseEvents(request.headers, await request.text(), reading);
}

function parseEvents(headers: Headers, body: string, reading: Reading): Event[] {
  const type = mediaType(headers.get('content-type'));
  if (type === 'application/cloudevents+json') return [fromJson(reading.parse(body), reading)];
  if (type === 'application/cloudevents-batch+json') {
    const batch = reading.parse(body);
    if (!Array.isArray(batch)) throw new EventFault('a batch must be a JSON array of events');
    return batch.map((value, place) => {
      try {
        return fromJson(value, reading);
      } catch (error) {
        if (!(error instanceof EventFault)) throw error;
        throw new EventFault(`event ${place}: ${error.message}`, error);
      }
    });
  }
  if (type.startsWith('application/cloudevents'))
    throw new EventFault(`content type ${type} is not supported; send JSON`, { unsupported: true });
  return [fromHeaders(headers, type, body, reading)];
}

/** The event in binary mode. */
export function binaryMessage(event: Event): { headers: Record<string, string>; body: string } {
  const headers: Record<string, string> = {};
  // The package would write an object as JSON once more.
  const message: Message = HTTP.binary(event.cloneWith({ data: undefined }, false));
  for (const [name, value] of Object.entries(message.headers))
    if (typeof value === 'string') headers[name] = headerOf(value);
  return { headers, body: dataText(event) };
}

/** The answer to an event that is an event itself: 200, in binary mode. */
export function eventResponse(event: Event): Response {
  const { headers, body } = binaryMessage(event);
  return new Response(body, { headers });
}

/**
 * The answer to an event that needs no other: 202. It states its length: an empty body in chunks keeps Knative's dispatcher from using the
 * connection again (eventing-rabbitmq 1.21: a DNS search of 8 queries and a handshake for each event).
 */
export function noReply(): Response {
  return new Response(null, { status: 202, headers: { 'content-length': '0' } });
}

/** The event in structured mode. */
export function structuredMessage(event: Event): { headers: Record<string, string>; body: string } {
  const [text, envelope] = [dataText(event), JSON.stringify({ ...event.toJSON(), data: undefined })];
  const body = text === '' ? envelope : `${envelope.slice(0, -1)},"data":${text}}`;
  return { headers: { 'content-type': 'application/cloudevents+json' }, body };
}

/**
 * Those extensions of an event that `names` lists, for an event that follows from it: no broker copies them. One that no header can hold is left out:
 * the answer matters more.
 */
export function extensionsOf(event: Event, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = event[name];
    if (typeof value === 'string' && value !== '' && !/[\0-\x1f\x7f]/.test(value)) found[name] = value;
  }
  return found;
}

function fromHeaders(headers: Headers, type: string, body: string, reading: Reading): Event {
  if (!headers.has('ce-specversion'))
    throw new EventFault('no CloudEvent: neither ce- headers nor an application/cloudevents+json body', {
      unsupported: type !== '' && !isJson(type),
    });
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of headers) if (name.startsWith('ce-')) attributes[name.slice(3)] = textOf(value);
  // eventing-rabbitmq passes the trace on as plain W3C Trace Context headers, whatever the event carried.
  for (const name of ['traceparent', 'tracestate']) attributes[name] ??= headers.get(name);
  if (type !== '') refuseUnlessJson(type);
  const data = body === '' ? {} : { data: reading.parse(body) };
  const event = fromJson(
    { ...attributes, ...(type === '' ? {} : { datacontenttype: type }), ...data },
    reading,
  );
  texts.set(event, body);
  return event;
}

function fromJson(value: unknown, { parse, admit }: Reading): Event {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EventFault('an event must be a JSON object');
  // In the JSON format a null attribute counts as absent.
  const present = Object.entries(admit(value as Record<string, unknown>)).filter(
    ([name, each]) => each !== null || name === 'data',
  );
  const { data_base64: encoded, ...attributes } = Object.fromEntries<unknown>(present);
  for (const name of ['id', 'source', 'type', 'specversion']) {
    const given = attributes[name];
    if (typeof given !== 'string' || given === '') throw new EventFault(`attribute ${name} is missing`);
  }
  if (attributes['specversion'] !== '1.0') throw new EventFault('specversion must be 1.0');
  const time = attributes['time'];
  // The package replaces an invalid time with the present, and writes years that RFC 3339 has not.
  if (time !== undefined && !(typeof time === 'string' && isTimestamp(time)))
    throw new EventFault('attribute time must be an RFC 3339 timestamp');
  for (const [name, each] of Object.entries(attributes))
    if (name !== 'data' && !['string', 'number', 'boolean'].includes(typeof each))
      throw new EventFault(`attribute ${name} must be a string, a number or a boolean`);
  const type = attributes['datacontenttype'];
  if (typeof type === 'string') {
    refuseUnlessJson(mediaType(type));
    // Knative's SDK knows few media types of JSON: it would refuse the event.
    attributes['datacontenttype'] = 'application/json';
  }
  if (encoded !== undefined) {
    if (typeof encoded !== 'string') throw new EventFault('data_base64 must be a string');
    attributes['data'] = parse(Buffer.from(encoded, 'base64').toString('utf8'));
  }
  try {
    return new CloudEvent<unknown>(attributes);
  } catch (error) {
    throw new EventFault(faultOf(error), { cause: error });
  }
}

/** What the package refused, by the attribute's name where it tells one. */
function faultOf(error: unknown): string {
  const [first] = error instanceof ValidationError ? (error.errors ?? []) : [];
  return typeof first === 'object' && first.instancePath !== ''
    ? `attribute ${first.instancePath.slice(1)} ${first.message ?? 'is not valid'}`
    : `not a valid CloudEvent: ${describe(error)}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EventFault('the body is not valid JSON', { cause: error });
  }
}

function mediaType(header: string | null): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

// CloudEvents tells JSON by the subtype.
function isJson(type: string): boolean {
  return type.endsWith('/json') || type.endsWith('+json');
}

function refuseUnlessJson(type: string): void {
  if (!isJson(type))
    throw new EventFault(`content type ${type} is not supported; send JSON`, { unsupported: true });
}

function isTimestamp(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && /^\d{4}-/.test(new Date(time).toISOString());
}

// The binding wants header values percent-encoded, but the SDK for Go, and so the Broker and all that it delivers, neither encodes nor decodes:
// decoded here, `50% off` would be no event and `order%2F7` another. A header is UTF-8 there, and latin1 to Node.
const textOf = (header: string): string =>
  /[\x80-\xff]/.test(header) ? Buffer.from(header, 'latin1').toString('utf8') : header;
const headerOf = (text: string): string =>
  /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
