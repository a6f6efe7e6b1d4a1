import type { Verdict } from './judge.ts';

const columns = {
  fault: 'what',
  accepted: 'accepted',
  done: 'done',
  failed: 'failed',
  lost: 'lost',
  'stored twice': 'storedTwice',
  'not kept': 'unkept',
  refused: 'refused',
  duplicates: 'duplicates',
  'recovered s': 'recovered',
  'settled s': 'settled',
} as const satisfies Record<string, keyof Verdict>;

/** The verdicts as a Markdown table. */
export function table(verdicts: readonly Verdict[]): string {
  const names = Object.keys(columns);
  const rows = verdicts.map((verdict) => Object.values(columns).map((column) => String(verdict[column])));
  const widths = names.map((name, place) =>
    Math.max(...[name, ...rows.map((row) => row[place] ?? '')].map((cell) => cell.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, place) => (place === 0 ? cell.padEnd(widths[place] ?? 0) : cell.padStart(widths[place] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, place) => (place === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(names), line(rule), ...rows.map(line)].join('\n');
}
