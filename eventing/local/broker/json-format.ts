import { NotAnEvent, isVersion, setAttribute, type Event } from './event.ts';

const json = /^(application|text)\/json$|\+json$/;
const quote = 0x22;
const backslash = 0x5c;

/**
 * Reads a CloudEvent in the JSON format. JSON data keeps its very bytes (they are cut out, not parsed and written again, which
 * would cost time and alter numbers); data of another media type must be a string. Throws NotAnEvent.
 */
export function fromJson(body: Uint8Array): Event {
  const event: Event = { attributes: {}, contentType: undefined, data: new Uint8Array() };
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let data: Buffer | undefined;
  let base64: string | undefined;
  let version: unknown;
  for (const { name, value } of members(bytes)) {
    if (name === 'data') {
      data = value;
      continue;
    }
    const parsed = parse(value);
    if (name === 'specversion') version = parsed;
    if (name === 'data_base64') {
      if (typeof parsed !== 'string') throw new NotAnEvent('data_base64 is not a string');
      base64 = parsed;
    } else if (typeof parsed === 'string' || typeof parsed === 'boolean') {
      setAttribute(event, name, parsed);
    } else if (typeof parsed === 'number' && Math.abs(parsed) <= 0x7fffffff) {
      // CloudEvents has integers of 32 bits only; the Go SDK cuts off the rest.
      setAttribute(event, name, Math.trunc(parsed));
    } else if (parsed !== null) {
      throw new NotAnEvent(`attribute ${name} is neither text, boolean nor an integer of 32 bits`);
    }
  }
  if (!isVersion(version)) throw new NotAnEvent(`specversion ${JSON.stringify(version)} is not 1.0 or 0.3`);
  if (base64 !== undefined) event.data = Buffer.from(base64, 'base64');
  else if (data !== undefined) event.data = dataBytes(data, event.contentType);
  return event;
}

function dataBytes(data: Buffer, contentType: string | undefined): Uint8Array {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || json.test(type)) return data;
  const text = parse(data);
  if (typeof text !== 'string') throw new NotAnEvent(`data of media type ${type} is not a string`);
  return Buffer.from(text);
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
    if (text[at] === 0x7d) return;
    if (text[at] !== 0x2c) throw new NotAnEvent('the body is not valid JSON');
    at = blank(text, at + 1);
  }
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
