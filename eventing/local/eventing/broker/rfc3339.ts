const form = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))$/;

/** A time in RFC 3339 as Go reads it (no lower case, no leap second), in UTC with as many decimals as it needs; or undefined. */
export function normalTime(text: string): string | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , decimals = '', sign, hours = '0', minutes = '0'] = match;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  // 30 February is a day in March for Date, and an error for Go.
  if (local.getUTCDate() !== day || month < 1 || month > 12) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || Number(hours) > 24 || Number(minutes) > 60) return undefined;
  local.setUTCHours(hour, minute - offset, second);
  const fraction = decimals.replace(/0{1,9}$/, '');
  return local.toISOString().replace(/\.000Z$/, '') + (fraction ? `.${fraction}` : '') + 'Z';
}
