import { isMediaType } from './media-type.ts';
import { normalTime } from './rfc3339.ts';
import { normalUri } from './uri-reference.ts';

/** An attribute's value: structured events may carry numbers and booleans, everything else is text. */
export type Value = string | number | boolean;

/**
 * A CloudEvent inside the platform. `attributes` holds every context attribute and extension by its bare lower-case name
 * (`specversion`, `id`, `type`, `myext`, …) except `datacontenttype`; `data` are the bytes as they came, never parsed.
 */
export type Event = {
  attributes: Record<string, Value>;
  contentType: string | undefined;
  data: Uint8Array;
};

/** Why Knative would not take something as a CloudEvent. */
export class NotAnEvent extends Error {}

/** The W3C trace context, which travels beside an event rather than in it. */
export type Trace = { traceparent: string; tracestate: string };

/** What Go writes for an unset time; at the next hop it counts as missing. */
export const zeroTime = '0001-01-01T00:00:00Z';

/** The attributes that CloudEvents itself defines: always text. */
export const contextAttributes: ReadonlySet<string> = new Set([
  ...['specversion', 'id', 'type', 'source', 'subject', 'time', 'dataschema', 'datacontenttype'],
]);

const alphanumeric = /^[A-Za-z0-9]+$/;
const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:/;

export function isVersion(specversion: unknown): specversion is '1.0' | '0.3' {
  return specversion === '1.0' || specversion === '0.3';
}

/** Sets an attribute from its text, as the Go SDK's setters do: checks and lower-cases names, normalises times and URIs. Throws NotAnEvent. */
export function setAttribute(event: Event, name: string, text: string): void {
  const trimmed = text.trim();
  if (name === 'datacontenttype') event.contentType = trimmed || undefined;
  else if (name === 'id' || name === 'type') {
    if (trimmed === '') throw new NotAnEvent(`${name} is empty`);
    event.attributes[name] = trimmed;
  } else if (name === 'subject' || name === 'dataschema') {
    // As if absent.
    if (trimmed !== '') setValue(event, name, trimmed);
  } else setValue(event, name, text);
}

/** Sets an attribute or extension to a value: checks and lower-cases names, normalises times and URIs. Throws NotAnEvent. */
export function setValue(event: Event, name: string, value: Value): void {
  if (!alphanumeric.test(name)) {
    throw new NotAnEvent(`attribute name "${name}" has characters other than letters and digits`);
  }
  const lower = name.toLowerCase();
  if (lower !== name && contextAttributes.has(lower))
    throw new NotAnEvent(`"${name}" must be written ${lower}`);
  event.attributes[lower] = normal(name, value);
}

function normal(name: string, value: Value): Value {
  if (name === 'time') {
    const time = normalTime(String(value));
    if (!time) throw new NotAnEvent(`time "${String(value)}" is not RFC 3339`);
    return time;
  }
  if (name === 'source' || name === 'dataschema') {
    const uri = normalUri(String(value));
    if (uri === undefined) throw new NotAnEvent(`${name} "${String(value)}" is not a URI reference`);
    return uri;
  }
  return value;
}

/** Checks what CloudEvents requires of a whole event. Throws NotAnEvent. */
export function validate(event: Event): void {
  for (const name of ['id', 'source', 'type']) {
    if (!nonEmpty(event.attributes[name])) throw new NotAnEvent(`${name} is missing or empty`);
  }
  const { dataschema } = event.attributes;
  if (dataschema !== undefined && !absoluteUri.test(String(dataschema))) {
    throw new NotAnEvent('dataschema is not an absolute URI');
  }
  if (event.contentType !== undefined && !isMediaType(event.contentType.trim())) {
    throw new NotAnEvent(`content type "${event.contentType}" is not a media type`);
  }
}

function nonEmpty(value: Value | undefined): boolean {
  return value !== undefined && String(value).trim() !== '';
}
