import type { Ended } from './api.ts';
import { type Table, writeCsv } from './csv.ts';

/** The table as it came, with what was predicted beside each line. */
export function downloadOf(table: Table, outcomes: readonly (Ended | undefined)[]): string {
  const added = [
    'predicted home',
    'predicted away',
    'p home',
    'p draw',
    'p away',
    'xg home',
    'xg away',
    'over 2.5',
    'both score',
    'model version',
    'fault',
  ];
  const lines = table.rows.map(({ cells }, place) => {
    const outcome = outcomes[place];
    const given = table.header.map((_, column) => cells[column] ?? '');
    if (outcome?.status !== 'done') {
      const fault = outcome ? outcome.reason : 'not asked';
      return [...given, ...added.slice(1).map(() => ''), fault];
    }
    const { home, away, probabilities, expectedGoals, markets } = outcome.prediction;
    const numbers = [
      probabilities.home,
      probabilities.draw,
      probabilities.away,
      expectedGoals.home,
      expectedGoals.away,
      markets.over25,
      markets.bothTeamsScore,
    ];
    return [...given, home, away, ...numbers.map((one) => one.toFixed(4)), outcome.model?.version ?? '', ''];
  });
  return writeCsv([[...table.header, ...added], ...lines]);
}
