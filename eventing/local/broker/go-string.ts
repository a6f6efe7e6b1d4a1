/** An AMQP header value as Go's `fmt.Sprint` writes it: that is what a subscriber of RabbitmqSource sees. */
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
  // amqplib marks the types that JavaScript lacks so.
  if ('!' in table && table['!'] === 'timestamp' && 'value' in table && typeof table.value === 'number') {
    return new Date(table.value * 1000).toISOString().replace('T', ' ').replace('.000Z', ' +0000 UTC');
  }
  const entries = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, value]) => `${key}:${goString(value)}`).join(' ')}]`;
}

function goNumber(value: number): string {
  const text = Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}
