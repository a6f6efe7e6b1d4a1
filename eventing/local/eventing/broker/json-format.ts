import { contextAttributes, NotAnEvent, isVersion, setValue, type Event } from './event.ts';

/** With these media types, or none, data is JSON: the Go SDK knows no other, not even `…+json`. */
const json = new Set([
  'application/json',
  'text/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
]);
const base64Form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const quote = 0x22;
const backslash = 0x5c;

/**
 * Reads a CloudEvent in the JSON format. JSON data keeps its exact bytes: they are cut out, since parsing and writing would cost time and alter
 * numbers. Data of another media type must be a string. Throws NotAnEvent.
 */
export function fromJson(body: Uint8Array): Event {
  const event: Event = { attributes: {}, contentType: undefined, data: new Uint8Array() };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let data: Buffer | undefined;
  let base64: string | undefined;
  for (const { name, value } of members(bytes)) {
    const parsed = parse(value);
    if (name === 'data') data = value;
    else if (name === 'data_base64') base64 = asText(name, parsed ?? undefined);
    else if (name === 'datacontenttype') event.contentType = asText(name, parsed);
    else set(event, name, parsed);
  }
  const { specversion, datacontentencoding } = event.attributes;
  if (!isVersion(specversion))
    throw new NotAnEvent(`specversion ${JSON.stringify(specversion)} is not 1.0 or 0.3`);
  if (specversion === '0.3' && datacontentencoding !== undefined) {
    delete event.attributes['datacontentencoding'];
    if (datacontentencoding === 'base64' && data) base64 = asText('data', parse(data));
  }
  if (base64 !== undefined) event.data = base64Bytes(base64);
  else if (data !== undefined) event.data = dataBytes(data, event.contentType);
  return event;
}

function set(event: Event, name: string, value: unknown): void {
  // As if absent.
  if (value === null || (value === '' && ['subject', 'dataschema', 'time'].includes(name))) return;
  if (typeof value === 'string') setValue(event, name, value);
  else if (contextAttributes.has(name)) throw new NotAnEvent(`attribute ${name} is not a string`);
  else if (typeof value === 'boolean') setValue(event, name, value);
  // CloudEvents has integers of 32 bits only; the Go SDK cuts off the rest.
  else if (typeof value === 'number' && Math.abs(value) <= 0x7fffffff)
    setValue(event, name, Math.trunc(value));
  else throw new NotAnEvent(`attribute ${name} is neither text, boolean nor an integer of 32 bits`);
}

function dataBytes(data: Buffer, contentType: string | undefined): Uint8Array {
  const type = contentType?.split(';')[0]?.trim();
  return type === undefined || json.has(type) ? data : Buffer.from(asText('data', parse(data)));
}

function base64Bytes(text: string): Uint8Array {
  if (!base64Form.test(text)) throw new NotAnEvent('data_base64 is not base64');
  return Buffer.from(text, 'base64');
}

/** A string; null for an empty one, as in the Go SDK. */
function asText(name: string, value: unknown): string {
  if (value === null) return '';
  if (typeof value !== 'string') throw new NotAnEvent(`${name} is not a string`);
  return value;
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    throw new NotAnEvent('the body is not valid JSON');
  }
}

/** The members of a JSON object, their values as slices of the text. */
function* members(text: Buffer): Generator<{ name: string; value: Buffer }> {
  let at = blank(text, 0);
  if (text[at] !== 0x7b) throw new NotAnEvent('the body is not a JSON object');
  at = blank(text, at + 1);
  if (text[at] === 0x7d) return;
  for (;;) {
    const nameEnd = stringEnd(text, at);
    const name = parse(text.subarray(at, nameEnd));
    at = blank(text, nameEnd);
    if (typeof name !== 'string' || text[at] !== 0x3a) throw new NotAnEvent('the body is not valid JSON');
    at = blank(text, at + 1);
    const end = valueEnd(text, at);
    yield { name, value: text.subarray(at, end) };
    at = blank(text, end);
    if (text[at] === 0x7d) break;
    if (text[at] !== 0x2c) throw new NotAnEvent('the body is not valid JSON');
    at = blank(text, at + 1);
  }
  if (blank(text, at + 1) < text.length) throw new NotAnEvent('the body goes on behind its JSON object');
}

function blank(text: Buffer, from: number): number {
  let at = from;
  for (let byte = text[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = text[at])
    at++;
  return at;
}

function stringEnd(text: Buffer, from: number): number {
  if (text[from] !== quote) throw new NotAnEvent('the body is not valid JSON');
  for (let at = text.indexOf(quote, from + 1); at >= 0; at = text.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  throw new NotAnEvent('the body is not valid JSON');
}

function valueEnd(text: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const byte = text[at];
    if (byte === quote) {
      at = stringEnd(text, at) - 1;
      if (depth === 0) return at + 1;
    } else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return at;
      depth--;
      if (depth === 0) return at + 1;
    } else if (byte === 0x2c && depth === 0) return at;
  }
  throw new NotAnEvent('the body is not valid JSON');
}
