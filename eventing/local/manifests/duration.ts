const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go writes it (`1m30s`, `250ms`) in milliseconds; undefined for anything else. */
export function milliseconds(text: string): number | undefined {
  let total = 0;
  let end = 0;
  for (const [part, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/gy)) {
    total += Number(amount) * (units[unit ?? ''] ?? 0);
    end += part.length;
  }
  return end > 0 && end === text.length ? total : undefined;
}
