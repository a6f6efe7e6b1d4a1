import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Teams } from '../../../functions/shared/model/teams.ts';
import { Refusal } from '../command.ts';

/** A match that was played, by the model's names. */
export type Result = {
  line: number;
  home: string;
  away: string;
  league: string | undefined;
  date: string;
  /** Only what was said earlier was said before the match; in ms. Where the zone is unknown, the earliest possible kickoff. */
  kickoff: number;
  goals: { home: number; away: number };
};

/** Results, and the faults of bad lines, each `file:line: reason`. */
export type Results = { results: Result[]; faults: string[] };

const required = ['date', 'home', 'away', 'home_goals', 'away_goals'];
const known = [
  ...required,
  ...['season', 'league', 'round', 'kickoff', 'ht_home_goals', 'ht_away_goals', 'awarded'],
];
/** Times are local: no league here is further east than UTC+2. */
const eastMs = 2 * 3_600_000;
const mostGoals = 30;

const goals = v.pipe(
  v.string(),
  v.regex(/^\d{1,2}$/, 'is no number of goals'),
  v.transform(Number),
  v.maxValue(mostGoals, `is more than ${mostGoals} goals`),
);
const Row = v.object({
  date: v.pipe(v.string(), v.isoDate('is no date YYYY-MM-DD')),
  kickoff: v.optional(v.pipe(v.string(), v.regex(/^(([01]\d|2[0-3]):[0-5]\d)?$/, 'is no time HH:MM')), ''),
  home_goals: goals,
  away_goals: goals,
});

/** Reads results in the format of `matches.csv`, without matches that a league decided. Throws a `Refusal` for a file that is no such table. */
export function readResults(file: string, teams: Pick<Teams, 'resolve'>): Results {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Refusal(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const columns = head.split(',');
  const strange = columns.filter((column) => !known.includes(column));
  const missing = required.filter((column) => !columns.includes(column));
  if (missing.length > 0) throw new Refusal(`${file}:1: no column ${missing.join(', ')}`);
  if (strange.length > 0) throw new Refusal(`${file}:1: unknown column ${strange.join(', ')}`);
  const results: Result[] = [];
  const faults: string[] = [];
  const seen = new Map<string, number>();
  for (const [at, content] of lines.entries()) {
    if (content === '') continue;
    const line = at + 2;
    const read = readRow(content.split(','), columns, teams);
    const fault = (reason: string): void => void faults.push(`${file}:${line}: ${reason}`);
    if (typeof read === 'string') {
      fault(read);
      continue;
    }
    if (read === undefined) continue;
    const key = [read.date, read.home, read.away].join('\t');
    const before = seen.get(key);
    if (before === undefined) results.push({ ...read, line });
    else fault(`is line ${before} again`);
    seen.set(key, before ?? line);
  }
  return { results, faults };
}

/** A result, the reason for none, or undefined for a match that does not count. */
function readRow(
  cells: readonly string[],
  columns: readonly string[],
  teams: Pick<Teams, 'resolve'>,
): Omit<Result, 'line'> | string | undefined {
  if (cells.length !== columns.length) return `has ${cells.length} cells, not ${columns.length}`;
  const row = Object.fromEntries(columns.map((column, n) => [column, cells[n] ?? '']));
  if (row['awarded'] === '1') return undefined;
  const parsed = v.safeParse(Row, row);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const column = v.getDotPath(issue) ?? '';
    return `${column} ${JSON.stringify(row[column] ?? '')} ${issue.message}`;
  }
  const found = teams.resolve({ home: row['home'] ?? '', away: row['away'] ?? '' });
  if ('fault' in found) return `${found.fault.field}: ${found.fault.reason}`;
  const { date, kickoff, home_goals, away_goals } = parsed.output;
  return {
    ...{ home: found.fixture.home, away: found.fixture.away, league: row['league'] || undefined, date },
    kickoff: Date.parse(`${date}T${kickoff || '00:00'}:00Z`) - eastMs,
    goals: { home: home_goals, away: away_goals },
  };
}
