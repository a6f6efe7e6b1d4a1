import * as v from 'valibot';
import { fixtureText, type PredictionRequest } from '../../prediction.ts';
import { AskerRecord } from '../rules.ts';
import type { Asker } from '../store.ts';

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

/** Who asked, in one line. Empty where it was no producer. */
export const askerText = (asker: Asker | undefined): string => (asker ? JSON.stringify(asker) : '');

/** Who asked. Of a job that an older version accepted nobody knows. */
export function askerFrom(text: string): Asker | undefined {
  const parsed = v.safeParse(AskerRecord, text === '' ? undefined : JSON.parse(text));
  return parsed.success ? parsed.output : undefined;
}
