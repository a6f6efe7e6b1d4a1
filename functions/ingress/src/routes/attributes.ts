import { EventFault } from '../../../shared/events/cloudevents.ts';
import { maxSource } from '../../../shared/prediction.ts';

/**
 * The bounds of a producer's attributes. The ledger keeps the source and the correlation id with each request, so that they come back. AMQP carries
 * the id as a property, which holds 255 bytes; CloudEvents advises 20 characters for a name. So all attributes together stay below the 8 KiB of
 * headers that proxies take.
 */
export const attributeBounds = { characters: maxSource, nameCharacters: 20, extensions: 20 } as const;

const data = ['data', 'data_base64'];
const defined = ['specversion', 'id', 'type', 'source', 'subject', 'time', 'dataschema', 'datacontenttype'];
/** Ingress continues the trace itself, so that what of it cannot be carried is no reason to refuse an event. */
const trace = ['traceparent', 'tracestate'];
const noExtensions = new Set([...data, ...defined, ...trace]);

/**
 * The attributes of a producer's event, a number or boolean as the text that the first hop makes of it. Throws an `EventFault` that names an
 * attribute which would arrive changed, or never, and what to send instead.
 */
export function admitted(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const present = Object.entries(attributes).filter(([, value]) => value !== null);
  const own = present.filter(([name]) => !noExtensions.has(name)).length;
  if (own > attributeBounds.extensions)
    throw new EventFault(`${own} extensions are too many: send at most ${attributeBounds.extensions}`);
  const taken: Record<string, unknown> = {};
  for (const [name, value] of present) {
    if (data.includes(name)) taken[name] = value;
    else if (!trace.includes(name)) taken[name] = admittedValue(name, value);
    else if (typeof value === 'string' && /^[\x20-\x7e]{1,512}$/.test(value)) taken[name] = value;
  }
  return taken;
}

function admittedValue(name: string, value: unknown): unknown {
  const { characters, nameCharacters } = attributeBounds;
  if (name.length > nameCharacters)
    throw new EventFault(
      `attribute ${name.slice(0, nameCharacters)}… has a name of more than ${nameCharacters} characters`,
    );
  const refuse = (why: string): never => {
    throw new EventFault(`attribute ${name} ${why}`);
  };
  if (typeof value !== 'string' && defined.includes(name)) refuse('must be text');
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    // CloudEvents has no other numbers. The SDK for Go cuts off what is behind the point.
    if (value !== Math.trunc(value) || value < -0x80000000 || value > 0x7fffffff)
      refuse('must be a whole number of 32 bits: send any other as text');
    return String(value);
  }
  // What is neither is no attribute, which the reader of events says.
  if (typeof value !== 'string') return value;
  if (value.length > characters) refuse(`has ${value.length} characters: send at most ${characters}`);
  const [character] = /[^\x20-\x7e]|%/u.exec(value) ?? [];
  if (character !== undefined)
    refuse(`holds ${codePoint(character)}: send printable ASCII without %, which SDKs read alike`);
  if (value !== value.trim()) refuse('begins or ends with a blank, which HTTP cuts off');
  if (name === 'source' && !isPlainUri(value))
    refuse('must be a URI reference without escapes, blanks and fragment, as /my/service');
  if (name === 'dataschema' && !(isPlainUri(value) && /^[a-z][a-z\d+.-]*:/.test(value)))
    refuse('must be an absolute URI without escapes, blanks and fragment, as https://example.org/schema');
  return value;
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? ''}`;
}

/** Whether the SDK for Go writes a URI reference as it read it: it escapes some characters, and refuses what it cannot parse. */
function isPlainUri(text: string): boolean {
  if (!/^[\w.~:/?@!$&'()*+,;=-]*$/.test(text)) return false;
  const [scheme = ''] = /^[a-z][a-z\d+.-]*:/.exec(text) ?? [];
  const rest = text.slice(scheme.length);
  if (rest.startsWith('//')) return scheme !== '' && /^\/\/[\w.-]+(?::\d{1,5})?(?:[/?]|$)/.test(rest);
  // A colon in the first segment would end a scheme.
  return scheme === '' ? !/^[^/?]*:/.test(rest) : rest !== '';
}
