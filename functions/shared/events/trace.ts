import { randomUUID } from 'node:crypto';

// W3C Trace Context, version 00. Ids of only zeros are invalid there.
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const traceId = (): string => randomUUID().replaceAll('-', '');
const spanId = (): string => randomUUID().slice(19).replace('-', '');

/** The trace context for the next hop: a new span of the caller's trace, or a new trace if there is no valid one. */
export function continueTrace(headers: { get(name: string): string | null }): Record<string, string> {
  const [, trace, flags] = traceparent.exec(headers.get('traceparent') ?? '') ?? [];
  if (trace === undefined) return { traceparent: `00-${traceId()}-${spanId()}-01` };
  const state = headers.get('tracestate');
  const continued = { traceparent: `00-${trace}-${spanId()}-${flags ?? '01'}` };
  // Attributes travel as headers of events: printable ASCII survives every hop.
  return state && /^[\x20-\x7e]{1,512}$/.test(state) ? { ...continued, tracestate: state } : continued;
}
