import { randomUUID } from 'node:crypto';

let at = 0;
let time = '';

/** A UUIDv7 (RFC 9562): milliseconds since 1970, then random bits. randomUUID keeps a stock of random bytes: this costs a tenth of asking each time. */
export function newId(): string {
  const now = Date.now();
  if (now !== at) {
    const hex = now.toString(16).padStart(12, '0');
    time = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    at = now;
  }
  return time + randomUUID().slice(15);
}
