import { createHmac, timingSafeEqual } from 'node:crypto';
import { createEvent, dataText, type Draft, type Event } from './cloudevents.ts';
import type { Key, Keys } from './signing-keys.ts';

/** What the signature of an event says: ours, or why it is nothing that we said. */
export type Verdict = 'ours' | 'unsigned' | 'unknown-key' | 'mismatch';

/** Makes an event that whoever has the key knows for ours (extension `signature`). Its data is written as JSON here, once. */
export function signedEvent(draft: Draft, [key]: Keys): Event {
  const text = JSON.stringify(draft.data);
  const signature = `v1.${key.id}.${mac({ ...draft.extensions, ...draft }, text, key)}`;
  return createEvent({ ...draft, extensions: { ...draft.extensions, signature } }, text);
}

/** Whether an event that was read bears the signature of one of the keys. `mismatch`: it names one of them, but was altered, or made up. */
export function verify(event: Event, keys: Keys): Verdict {
  const { signature } = event;
  if (typeof signature !== 'string') return 'unsigned';
  const [, id, given] = /^v1\.([\w-]{6})\.([\w-]{43})$/.exec(signature) ?? [];
  const key = keys.find((one) => one.id === id);
  if (given === undefined) return 'mismatch';
  if (!key) return 'unknown-key';
  return timingSafeEqual(Buffer.from(given), Buffer.from(mac(event, dataText(event), key)))
    ? 'ours'
    : 'mismatch';
}

/**
 * HMAC-SHA256 (RFC 2104) in base64url of what an event is, and of its data. Time and trace are not covered: they carry no rights, and SDKs on the
 * way write times anew.
 */
function mac(
  { type, source, id, sweep = '', shadow = '' }: Record<string, unknown>,
  text: string,
  key: Key,
): string {
  // JSON writes a line feed as two characters: the head ends at the first one.
  const head = `${JSON.stringify([type, source, id, sweep, shadow])}\n`;
  // Each on its own: put together, a long text would be copied first.
  return createHmac('sha256', key.secret).update(head).update(text).digest('base64url');
}
