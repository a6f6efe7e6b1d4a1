import { readFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { absent, differences } from './differences.ts';

const file = path.resolve(import.meta.dirname, '../../../../docs/local-runtime.md');

/** The tables of known differences, as docs/local-runtime.md must hold them. */
export async function tables(): Promise<string> {
  const code = (cases: readonly string[]): string => cases.map((name) => `\`${name}\``).join(', ');
  const rows = differences.map(({ here, cluster, cases }) => `| ${here} | ${cluster} | ${code(cases)} |`);
  const reasons = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(absent))
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  const left = [...reasons].map(([reason, cases]) => `| ${reason} | ${code(cases)} |`);
  const text = [
    '| here | on a cluster | cases |\n| --- | --- | --- |',
    ...rows,
    '\n| not replayed, because | cases |\n| --- | --- |',
    ...left,
  ].join('\n');
  return format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
}

export function page(): string {
  return readFileSync(file, 'utf8');
}
