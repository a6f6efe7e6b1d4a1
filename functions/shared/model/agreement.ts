import type { Forecast, ShadowPair } from '../store/history.ts';

/** How far two versions agree: share of matches with the same favourite; differences are total variation distances in [0, 1]. */
export type Agreement = {
  matches: number;
  sameFavourite: number;
  meanDifference: number;
  largest: { home: string; away: string; league: string; difference: number } | null;
};

/** Half the sum of the differences of the three chances. */
export function difference(a: Forecast, b: Forecast): number {
  const of = (key: 'home' | 'draw' | 'away'): number => Math.abs(a.probabilities[key] - b.probabilities[key]);
  return (of('home') + of('draw') + of('away')) / 2;
}

export function agreement(pairs: readonly ShadowPair[]): Agreement {
  let same = 0;
  let sum = 0;
  let largest: Agreement['largest'] = null;
  for (const { home, away, league, champion, challenger } of pairs) {
    if (favourite(champion) === favourite(challenger)) same += 1;
    const apart = difference(champion, challenger);
    sum += apart;
    if (apart > (largest?.difference ?? -1)) largest = { home, away, league, difference: apart };
  }
  const matches = pairs.length;
  return {
    matches,
    sameFavourite: matches === 0 ? 1 : same / matches,
    meanDifference: matches === 0 ? 0 : sum / matches,
    largest,
  };
}

function favourite({ probabilities: { home, draw, away } }: Forecast): string {
  return home >= draw && home >= away ? 'home' : away >= draw ? 'away' : 'draw';
}
