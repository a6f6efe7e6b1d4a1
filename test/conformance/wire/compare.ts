import { expect } from 'vitest';

/** Headers that the mesh or the HTTP client adds, not the sender of an event; and the host, which a test must replace. */
const mesh = new Set([
  ...['host', 'user-agent', 'accept-encoding', 'content-length', 'connection', 'transfer-encoding'],
  ...['forwarded', 'k-proxy-request', 'x-forwarded-for', 'x-forwarded-proto', 'x-request-id'],
]);

/** The time and the random id that are made when a message has none: only their form can be compared. */
const now = /^2026-11-24T\d\d:\d\d:\d\d(\.\d+)?Z$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const anyTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** Headers by lower-case name, without those of the mesh. */
export function headersOf(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!mesh.has(name)) headers[name] = rawHeaders[at + 1] ?? '';
  }
  return headers;
}

/** Expects the headers that were recorded; a recorded time of that day or random id stands for any. */
export function expectHeaders(ours: readonly string[], recorded: readonly string[]): void {
  const expected: Record<string, unknown> = headersOf(recorded);
  for (const [name, value] of Object.entries(headersOf(recorded))) {
    if (now.test(value)) expected[name] = expect.stringMatching(anyTime);
    else if (uuid.test(value)) expected[name] = expect.stringMatching(uuid);
  }
  expect(headersOf(ours)).toEqual(expected);
}

/** Waits between an answer and the next request of the same function, in milliseconds. */
export function waits(steps: readonly { t: number; fn: string; phase: string }[]): number[] {
  const gaps: number[] = [];
  const ended = new Map<string, number>();
  for (const { t, fn, phase } of steps) {
    if (phase !== 'request') ended.set(fn, t);
    else if (ended.has(fn)) gaps.push(t - (ended.get(fn) ?? 0));
  }
  return gaps;
}

/**
 * Expects the waits that were recorded, shortened by `scale` as the configured delay was, so that each keeps its ratio to it. Within
 * 40 % and 40 ms, or 250 ms late: both sides were taken on busy machines.
 */
export function expectWaits(ours: number[], recorded: number[], scale: number): void {
  expect(ours).toHaveLength(recorded.length);
  for (const [index, gap] of ours.entries()) {
    const wanted = (recorded[index] ?? 0) * scale;
    const said = `wait ${index + 1} of ${ours.map(Math.round).join(', ')} ms, recorded ${recorded.join(', ')}`;
    expect(gap, said).toBeGreaterThan(wanted * 0.6 - 40);
    expect(gap, said).toBeLessThan(wanted * 1.4 + 250);
  }
}
