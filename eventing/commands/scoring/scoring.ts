import type { Forecast } from '../../../functions/shared/store/history.ts';
import type { Result } from './results.ts';

/** Log-loss in nats and ranked probability score divided by 2 (Epstein 1969; 0 is perfect), as `python -m model evaluate` has them. */
export type Score = { logLoss: number; rps: number };

/** The score of one forecast; a chance of 0 counts as 1e-15. */
export function scoreOf({ probabilities: p }: Forecast, { goals }: Pick<Result, 'goals'>): Score {
  const homeWon = goals.home > goals.away ? 1 : 0;
  const notLost = goals.home >= goals.away ? 1 : 0;
  const chance = homeWon ? p.home : notLost ? p.draw : p.away;
  return {
    logLoss: -Math.log(Math.max(chance, 1e-15)),
    rps: ((p.home - homeWon) ** 2 + (p.home + p.draw - notLost) ** 2) / 2,
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The mean of paired differences with its 95 % interval (normal); below two pairs there is no interval. */
export type Paired = { difference: number; from: number | null; to: number | null };

export function paired(differences: readonly number[]): Paired {
  const centre = mean(differences);
  const n = differences.length;
  if (n < 2) return { difference: centre, from: null, to: null };
  const variance = differences.reduce((sum, one) => sum + (one - centre) ** 2, 0) / (n - 1);
  const half = 1.96 * Math.sqrt(variance / n);
  return { difference: centre, from: centre - half, to: centre + half };
}

const day = 86_400_000;

/** Whether a forecast was about this match: made before it, by ratings that do not know it, and not about an earlier season's match. */
export function isBefore(
  { made, league }: { made: number; league: string },
  ratingsAsOf: string,
  result: Pick<Result, 'kickoff' | 'date' | 'league'>,
): boolean {
  return (
    made < result.kickoff &&
    made > result.kickoff - 300 * day &&
    ratingsAsOf < result.date &&
    (result.league === undefined || league === result.league)
  );
}
