import * as v from 'valibot';
import type { ModelRef, Prediction } from '../prediction.ts';

const number = v.number();

/** What stays of a prediction: chances of home win, draw and away win, and the expected goals of both. */
export const Forecast = v.object({
  probabilities: v.object({ home: number, draw: number, away: number }),
  expectedGoals: v.object({ home: number, away: number }),
});
export type Forecast = v.InferOutput<typeof Forecast>;

/** The match that a forecast is about, by canonical names. */
export type Match = { home: string; away: string; league: string };

/** What a version said of a match, and when first (ms). The same version always says the same. */
export type Said = Match & { model: ModelRef; made: number; forecast: Forecast };

/** What champion and challenger said of the same request; `made` in ms. */
export type ShadowPair = Match & { champion: Forecast; challenger: Forecast };
export type Shadowed = { champion: ModelRef; challenger: ModelRef; pairs: readonly ShadowPair[] };
export type Compared = {
  champion: ModelRef;
  challenger: ModelRef;
  pairs: (ShadowPair & { made: number })[];
};

/** The most matches that are kept of one champion and one challenger. */
export const maxPairs = 10_000;

/** The forecasts that were made, kept beside results and cache: nothing here is ever an answer. */
export type History = {
  /** Keeps what a version said, unless it has said so before. */
  add(said: { model: ModelRef; predictions: readonly Prediction[]; now: number }): Promise<void>;
  /** All that was said of a match at this ground, oldest first. */
  of(home: string, away: string): Promise<Said[]>;
  /** Keeps what a challenger would have said, each match once and up to `maxPairs` of them. */
  shadow(shadowed: Shadowed & { now: number }): Promise<void>;
  /** What was kept of each pair of versions, the newest pair first. */
  shadows(): Promise<Compared[]>;
};

export function forecastOf({ probabilities, expectedGoals }: Prediction): Forecast {
  return { probabilities, expectedGoals };
}

/** A forecast as it is stored: five numbers. */
export function forecastText({ probabilities: p, expectedGoals: g }: Forecast): string {
  return JSON.stringify([p.home, p.draw, p.away, g.home, g.away]);
}

const Five = v.tuple([number, number, number, number, number]);

export function forecastFrom(stored: unknown): Forecast {
  const [home, draw, away, homeGoals, awayGoals] = v.parse(Five, stored);
  return { probabilities: { home, draw, away }, expectedGoals: { home: homeGoals, away: awayGoals } };
}

/** The two forecasts of a pair as they are stored. */
export function pairText({ champion, challenger }: ShadowPair): string {
  return `[${forecastText(champion)},${forecastText(challenger)}]`;
}

export function pairFrom(text: string): { champion: Forecast; challenger: Forecast } {
  const [champion, challenger] = v.parse(v.tuple([v.unknown(), v.unknown()]), JSON.parse(text));
  return { champion: forecastFrom(champion), challenger: forecastFrom(challenger) };
}
