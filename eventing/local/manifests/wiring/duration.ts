import * as v from 'valibot';

const form = /^P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** An ISO 8601 duration of days to seconds (`PT0.5S`, `PT1M`) in milliseconds, or undefined. Months and years have no fixed length and are not taken. */
export function milliseconds(text: string): number | undefined {
  const match = form.exec(text);
  if (!match || text.endsWith('T') || text === 'P') return undefined;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000;
}

/** An ISO 8601 duration above zero, in milliseconds. */
export const Duration = v.pipe(
  v.string(),
  v.transform(milliseconds),
  v.number('must be an ISO 8601 duration such as PT0.5S or PT1M'),
  v.gtValue(0, 'must be above zero'),
);
