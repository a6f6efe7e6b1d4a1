import { v7 } from 'uuid';
import type { ModelRef, Prediction } from '../../../shared/prediction.ts';
import { Problem, retryLater } from '../../../shared/http/problem.ts';
import { readOutcome } from '../../../shared/store/rules.ts';
import { continueTrace } from '../../../shared/events/trace.ts';
import { type Asked, readFixtures } from '../http/fixtures.ts';
import type { PredictionParts } from './predictions.ts';

/** One fixture as a row of a table; an empty league is none. */
export type Row = { home: string; away: string; league?: string | undefined };

/**
 * Predicts rows for protocols that know only whole answers, and says which model answered the first. The way is that of `POST /v1/predictions`:
 * same ledger, batches and cache. Throws a `Problem`: 422 names the first row that cannot be predicted, 503 when the answer takes longer than the
 * default wait.
 */
export async function predictRows(
  rows: readonly Row[],
  request: Request,
  { catalog, submit, replyTo, defaultWaitMs }: PredictionParts,
  { scoreline = false } = {},
): Promise<{ predictions: Prediction[]; model: ModelRef | undefined }> {
  const fixtures = rows.map(({ home, away, league }) => ({
    home,
    away,
    ...(league === undefined || league === '' ? {} : { league }),
    ...(scoreline ? { scoreline } : {}),
  }));
  const asked: Asked = readFixtures({ fixtures }, catalog.current().value.teams);
  const id = v7();
  const requests = asked.fixtures.map((each, place) => {
    if ('fault' in each) throw new Problem(422, `row ${place}: ${each.fault.reason}`);
    return { request: { ...each.fixture, id: `${id}.${place}` } };
  });
  const outcomes = await submit(
    { id, list: true, requests, replyTo },
    { waitMs: Math.max(defaultWaitMs, 1), signal: request.signal, trace: continueTrace(request.headers) },
  );
  const predictions = outcomes.map((stored, place) => {
    if (!stored) throw retryLater('the prediction is not there yet: ask again');
    const outcome = readOutcome(`${id}.${place}`, stored);
    if (outcome.status === 'failed') throw new Problem(422, `row ${place}: ${outcome.reason}`);
    return outcome.prediction;
  });
  return { predictions, model: outcomes[0]?.model };
}

/** A problem in one line, for answers that have no place for its faults. */
export function inOneLine({ message, faults }: Problem): string {
  return [message, ...faults.map(({ pointer, detail }) => `${pointer}: ${detail}`)].join('; ');
}

/** The outputs of the registered graph, by name: values of one prediction, row-major, and their shape. */
export const outputs = {
  probs: {
    shape: [3],
    values: ({ probabilities: { home, draw, away } }: Prediction) => [home, draw, away],
  },
  xg: { shape: [2], values: ({ expectedGoals: { home, away } }: Prediction) => [home, away] },
  markets: {
    shape: [4],
    values: ({ markets: { over15, over25, over35, bothTeamsScore } }: Prediction) => [
      over15,
      over25,
      over35,
      bothTeamsScore,
    ],
  },
  scoreline: { shape: [11, 11], values: ({ scoreline = [] }: Prediction) => scoreline.flat() },
} as const;
export type OutputName = keyof typeof outputs;
