import { expect, test } from 'vitest';
import { jobAnswer } from '../../../functions/ingress/src/answers.ts';
import type { ModelRef, Prediction } from '../../../functions/shared/prediction.ts';

const ref: ModelRef = { name: 'match-outcome', version: '1', digest: 'a', ratingsAsOf: '2025-05-31' };
const stale: ModelRef = { ...ref, stale: true };
const prediction: Prediction = {
  ...{ home: 'Arsenal', away: 'Chelsea', league: 'ENG1', expectedGoals: { home: 1, away: 1 } },
  probabilities: { home: 0.5, draw: 0.3, away: 0.2 },
  markets: { over15: 0, over25: 0, over35: 0, bothTeamsScore: 0 },
};
const told = (model: ModelRef, cached: boolean, current: ModelRef): unknown =>
  JSON.parse(
    JSON.stringify(
      jobAnswer('id', false, [{ outcome: { id: 'id', status: 'done', prediction }, model, cached }], current),
    ),
  );

test.each([
  ['made before the registry went away, given while it is away', ref, true, stale, stale],
  ['made while it was away, given when it is back', stale, true, ref, ref],
  ['made just now by what could be had', stale, false, ref, stale],
  ['made just now', ref, false, stale, ref],
])('an answer %s', (_, made, cached, current, model) => {
  expect(told(made, cached, current)).toEqual({ id: 'id', status: 'done', prediction, model, cached });
});
