/** An AMQP header value as Go's `fmt.Sprint` writes it: a subscriber of RabbitmqSource sees this. */
export function goString(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return goNumber(value);
  if (Buffer.isBuffer(value)) return `[${[...value].join(' ')}]`;
  if (Array.isArray(value)) return `[${value.map(goString).join(' ')}]`;
  if (typeof value === 'object') return goTable(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return '';
}

function goTable(table: object): string {
  // So amqplib marks types that JavaScript lacks.
  if ('!' in table && 'value' in table) {
    const { '!': type, value } = table;
    if (type === 'timestamp' && typeof value === 'number')
      return new Date(value * 1000).toISOString().replace('T', ' ').replace('.000Z', ' +0000 UTC');
    if (type === 'decimal' && typeof value === 'object' && value !== null)
      return `{${Object.values(value).map(goString).join(' ')}}`;
  }
  const entries = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, value]) => `${key}:${goString(value)}`).join(' ')}]`;
}

/** amqplib gives doubles and integers alike as numbers: one without a fraction that fits 64 bits is taken for an integer. */
function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return String(value);
  if (!Number.isFinite(value))
    return String(value)
      .replace(/^Infinity/, '+Inf')
      .replace('-Infinity', '-Inf');
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  if (Number(exponent) >= -4 && Number(exponent) < 6) return String(value);
  return `${digits}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`;
}
