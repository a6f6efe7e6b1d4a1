const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a Go duration such as `30s`, `1m30s`, `1.5h` or `0`; undefined for anything else. Negative ones have a leading `-`. */
export function parseGoDuration(text: string): number | undefined {
  const [, sign, body] = /^([+-]?)(.+)$/.exec(text) ?? [];
  if (body === undefined) return undefined;
  if (body === '0') return 0;
  let ms = 0;
  let end = 0;
  for (const [part, amount, unit] of body.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)) {
    ms += Number(amount) * (UNIT_MS[unit ?? ''] ?? NaN);
    end += part.length;
  }
  if (end === 0 || end < body.length) return undefined;
  return sign === '-' ? -ms : ms;
}
