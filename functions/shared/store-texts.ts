import * as v from 'valibot';
import type { PredictionRequest } from './prediction.ts';

/** What the Redis store keeps of requests: JSON without names of fields, so that neither line end nor tab is in it and both can part it. */

const Fixture = v.union([
  v.tuple([v.string(), v.string(), v.nullable(v.string()), v.literal('s')]),
  v.tuple([v.string(), v.string(), v.nullable(v.string())]),
]);

/** What two requests have in common that get the same prediction of a model. */
export function fixtureText({
  home,
  away,
  league,
  scoreline,
}: Pick<PredictionRequest, 'home' | 'away' | 'league'> & { scoreline?: unknown }): string {
  return JSON.stringify(scoreline ? [home, away, league, 's'] : [home, away, league]);
}

/** A request without its id: `<fixture>\t<kickoff>`. */
export function requestText(request: PredictionRequest): string {
  return `${fixtureText(request)}\t${request.kickoff ?? ''}`;
}

export function requestFrom(id: string, text: string): PredictionRequest {
  const [fixture = '', kickoff = ''] = text.split('\t');
  const [home, away, league, scoreline] = v.parse(Fixture, JSON.parse(fixture));
  return {
    ...{ id, home, away },
    ...(league === null ? {} : { league }),
    ...(kickoff === '' ? {} : { kickoff }),
    ...(scoreline === undefined ? {} : { scoreline: true }),
  };
}
