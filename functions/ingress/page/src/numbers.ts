const percents = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0 });
const finePercents = new Intl.NumberFormat('en', {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const dates = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
});

export const percent = (share: number): string => percents.format(share);
export const finePercent = (share: number): string => finePercents.format(share);

/** A date as `31 May 2025`; the text itself when it is none. */
export function day(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : dates.format(date);
}

const ages = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** How long ago a date was, in the largest unit that fits: `18 months ago`; nothing when the text is no date. */
export function age(text: string, now: number): string {
  const days = Math.floor((now - new Date(text).getTime()) / 86_400_000);
  if (Number.isNaN(days)) return '';
  if (days < 14) return ages.format(-days, 'day');
  return days < 60
    ? ages.format(-Math.floor(days / 7), 'week')
    : ages.format(-Math.floor(days / 30.44), 'month');
}

/** Milliseconds below one second, seconds above. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Shares of one whole as whole percents that add up to 100. */
export const wholePercents = (shares: readonly number[]): number[] => wholes(shares, 100);

/** Shares of one whole as whole numbers that add up to `total` (largest remainder). */
export function wholes(shares: readonly number[], total: number): number[] {
  const exact = shares.map((share) => share * total);
  const whole = exact.map(Math.floor);
  const missing =
    Math.round(exact.reduce((sum, one) => sum + one, 0)) - whole.reduce((sum, one) => sum + one, 0);
  const order = exact
    .map((one, place) => ({ place, rest: one - Math.floor(one) }))
    .sort((a, b) => b.rest - a.rest);
  for (const { place } of order.slice(0, Math.max(0, missing))) whole[place] = (whole[place] ?? 0) + 1;
  return whole;
}
