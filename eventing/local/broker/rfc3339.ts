const form = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;

/** A time in RFC 3339, in UTC with as many decimals as it needs (as Go writes it), or undefined. */
export function normalTime(text: string): string | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  const [, date, time, decimals = '', offset] = match;
  const milliseconds = Date.parse(`${date ?? ''}T${time ?? ''}${offset === 'z' ? 'Z' : (offset ?? '')}`);
  if (Number.isNaN(milliseconds)) return undefined;
  const fraction = decimals.replace(/0+$/, '');
  return new Date(milliseconds).toISOString().slice(0, 19) + (fraction ? `.${fraction}` : '') + 'Z';
}
