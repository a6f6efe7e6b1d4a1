import { randomUUID } from 'node:crypto';

let at = 0;
let time = '';

/** A UUIDv7 (RFC 9562): milliseconds since 1970, then chance. randomUUID keeps a stock of random bytes, which costs a tenth of asking for them. */
export function newId(): string {
  const now = Date.now();
  if (now !== at) {
    const hex = now.toString(16).padStart(12, '0');
    time = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    at = now;
  }
  return time + randomUUID().slice(15);
}
