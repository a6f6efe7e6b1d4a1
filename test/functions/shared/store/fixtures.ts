import { fingerprintOf } from '../../../../functions/shared/fingerprint.ts';
import type { Fixture, ModelRef, PredictionRequest } from '../../../../functions/shared/prediction.ts';
import type { Job, LedgerOutcome } from '../../../../functions/shared/store/store.ts';
import { textOf } from '../../../../functions/shared/store/rules.ts';

export const model: ModelRef = {
  name: 'match-outcome',
  version: '1',
  digest: 'd1'.repeat(32),
  ratingsAsOf: '2026-08-31',
};
export const digest = model.digest;

/** A UUID that holds `n`. */
export const uuid = (n: number): string => `01980000-0000-7000-8000-${String(n).padStart(12, '0')}`;

export function single(id: string, home = 'Arsenal', more: Partial<Job> & { kickoff?: string } = {}): Job {
  const { kickoff, ...rest } = more;
  const request = { id, home, away: 'Chelsea', league: 'E0', ...(kickoff ? { kickoff } : {}) };
  return { id, list: false, requests: [{ request }], ...rest };
}

export function list(id: string, homes: string[], more: Partial<Job> = {}): Job {
  const requests = homes.map((home, at) => ({
    request: { id: `${id}.${at}`, home, away: 'Chelsea', league: 'E0' },
  }));
  return { id, list: true, requests, ...more };
}

const asked = (home: string, away = 'Chelsea'): Fixture => ({ home, away, league: 'E0' });

/** The prediction of a match, as an answer to what was `asked`. */
export function done(
  { id, home, away }: Pick<PredictionRequest, 'id' | 'home' | 'away'>,
  of = asked(home, away),
): LedgerOutcome {
  const prediction = {
    ...{ home, away, league: 'E0' },
    probabilities: { home: 0.512345678901, draw: 0.25, away: 0.237654321099 },
    expectedGoals: { home: 1.6123456789, away: 1.0123456789 },
    markets: { over15: 0.71, over25: 0.51, over35: 0.31, bothTeamsScore: 0.52 },
  };
  return { id, fingerprint: fingerprintOf(of), status: 'done', prediction };
}

/** The text under which the outcome of `done` is stored, whatever its id. */
export const doneText = (home = 'Arsenal'): string => textOf(done({ id: '', home, away: 'Chelsea' }));

export const failed = (id: string, home = 'Arsenal'): LedgerOutcome => ({
  ...{ id, fingerprint: fingerprintOf(asked(home)), status: 'failed', reason: 'no such match' },
});

export const outcomesOf = (job: Job): LedgerOutcome[] =>
  job.requests.map(({ request }) => done(request, request));
