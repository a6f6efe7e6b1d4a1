import * as v from 'valibot';
import type { Prediction } from '../../../shared/prediction.ts';

const Entry = v.object({
  home: v.string(),
  away: v.string(),
  league: v.string(),
  probabilities: v.object({ home: v.number(), draw: v.number(), away: v.number() }),
  at: v.number(),
});
export type Entry = v.InferOutput<typeof Entry>;

const key = 'kickoff.history';
const limit = 12;

/** The matches that this browser asked about last, newest first. Empty where storage is off or holds something else. */
export function readHistory(): Entry[] {
  try {
    return v.parse(v.pipe(v.string(), v.parseJson(), v.array(Entry)), localStorage.getItem(key));
  } catch {
    return [];
  }
}

/** Puts a match first in the history and returns the history. */
export function remember({ home, away, league, probabilities }: Prediction, at: number): Entry[] {
  const others = readHistory().filter(
    (one) => one.home !== home || one.away !== away || one.league !== league,
  );
  return write([{ home, away, league, probabilities, at }, ...others].slice(0, limit));
}

/** Forgets all of it. */
export function forget(): Entry[] {
  return write([]);
}

function write(entries: Entry[]): Entry[] {
  try {
    localStorage.setItem(key, JSON.stringify(entries));
  } catch {
    // Storage is off or full: the history lasts as long as the page.
  }
  return entries;
}
