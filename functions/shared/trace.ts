import { randomBytes } from 'node:crypto';

// W3C Trace Context, version 00; ids of zeros only are invalid there.
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;
const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** The trace context for the next hop: a new span of the caller's trace, or a new trace where there is none or an invalid one. */
export function continueTrace(headers: { get(name: string): string | null }): Record<string, string> {
  const [, trace, flags] = traceparent.exec(headers.get('traceparent') ?? '') ?? [];
  if (trace === undefined) return { traceparent: `00-${hex(16)}-${hex(8)}-01` };
  const state = headers.get('tracestate');
  const continued = { traceparent: `00-${trace}-${hex(8)}-${flags ?? '01'}` };
  // Attributes travel as headers of events: printable ASCII survives every hop.
  return state && /^[\x20-\x7e]{1,512}$/.test(state) ? { ...continued, tracestate: state } : continued;
}
