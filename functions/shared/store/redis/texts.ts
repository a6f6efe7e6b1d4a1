import * as v from 'valibot';
import { fixtureText, type PredictionRequest } from '../../prediction.ts';

/** What the Redis store keeps of requests: JSON without names of fields, so that neither line end nor tab is in it and both can part it. */

const Fixture = v.union([
  v.tuple([v.string(), v.string(), v.nullable(v.string()), v.literal('s')]),
  v.tuple([v.string(), v.string(), v.nullable(v.string())]),
]);

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
