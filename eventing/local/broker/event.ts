import { normalTime } from './rfc3339.ts';

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

/** Why something is no CloudEvent that Knative takes. */
export class NotAnEvent extends Error {}

/** The W3C trace context, which travels beside an event rather than in it. */
export type Trace = { traceparent: string; tracestate: string };

/** What Go writes for a time that was never set; at the next hop it counts as missing. */
export const zeroTime = '0001-01-01T00:00:00Z';

const alphanumeric = /^[A-Za-z0-9]+$/;
const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const mediaType = /^[\w!#$%&'*+.^`|~-]+(\/[\w!#$%&'*+.^`|~-]+)?\s*(;|$)/;

export function isVersion(specversion: unknown): specversion is '1.0' | '0.3' {
  return specversion === '1.0' || specversion === '0.3';
}

/** Sets an attribute as the Go SDK does: names are checked and lower-cased, times normalised. Throws NotAnEvent. */
export function setAttribute(event: Event, name: string, value: Value): void {
  if (name === 'datacontenttype') {
    event.contentType = String(value) || undefined;
    return;
  }
  if (!alphanumeric.test(name)) {
    throw new NotAnEvent(`attribute name "${name}" has characters other than letters and digits`);
  }
  // As if absent; an empty id, source or type is found by validate.
  if ((name === 'subject' || name === 'dataschema') && value === '') return;
  if (name === 'time') {
    const time = normalTime(String(value));
    if (!time) throw new NotAnEvent(`time "${String(value)}" is not RFC 3339`);
    event.attributes['time'] = time;
    return;
  }
  event.attributes[name.toLowerCase()] = value;
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
  if (event.contentType !== undefined && !mediaType.test(event.contentType)) {
    throw new NotAnEvent(`content type "${event.contentType}" is not a media type`);
  }
}

function nonEmpty(value: Value | undefined): boolean {
  return value !== undefined && String(value).trim() !== '';
}
