import * as v from 'valibot';
import { expect, test } from 'vitest';
import { Answer } from '../../../../functions/ingress/page/openapi-schemas.ts';
import { jobAnswer } from '../../../../functions/ingress/src/http/answers.ts';
import { textOf } from '../../../../functions/shared/store/rules.ts';
import type { ModelRef, Outcome, Prediction } from '../../../../functions/shared/prediction.ts';

const ref: ModelRef = { name: 'match-outcome', version: '1', digest: 'a', ratingsAsOf: '2025-05-31' };
const stale: ModelRef = { ...ref, stale: true };
const refused: ModelRef = { ...ref, refused: '2' };
const prediction: Prediction = {
  ...{ home: 'Arsenal', away: 'Chelsea', league: 'ENG1', expectedGoals: { home: 1, away: 1 } },
  probabilities: { home: 0.5, draw: 0.3, away: 0.2 },
  markets: { over15: 0, over25: 0, over35: 0, bothTeamsScore: 0 },
};
/** The answer, of which the API's description knows every member. */
function read(json: string): unknown {
  const answer: unknown = JSON.parse(json);
  expect(v.parse(Answer, answer)).toEqual(answer);
  return answer;
}
const told = (model: ModelRef, cached: boolean, current: ModelRef): unknown =>
  read(
    jobAnswer(
      'id',
      false,
      [{ text: textOf({ id: 'id', status: 'done', prediction }), model, cached }],
      current,
    ).json,
  );

test.each([
  ['made before the registry went away, given while it is away', ref, true, stale, stale],
  ['made while it was away, given when it is back', stale, true, ref, ref],
  ['made just now by what could be had', stale, false, ref, stale],
  ['made just now', ref, false, stale, ref],
  ['made before the alias named a refused version, given while it does', ref, true, refused, refused],
  ['made while it did, given when it names the present one', refused, true, ref, ref],
  ['made just now while it did', refused, false, ref, refused],
])('an answer %s', (_, made, cached, current, model) => {
  expect(told(made, cached, current)).toEqual({ id: 'id', status: 'done', prediction, model, cached });
});

test('a list tells each outcome by place, as JSON that nobody has to read to answer', () => {
  const failed: Outcome = { id: 'x', status: 'failed', reason: 'unknown team "a\\b"', nearest: ['Ä'] };
  const outcomes = [
    { text: textOf({ id: 'x', status: 'done', prediction }), model: ref, cached: false },
    { text: textOf(failed), model: ref, cached: false },
  ];
  const told = [
    { status: 'done', prediction, model: ref, cached: false },
    { ...failed, id: undefined },
  ];
  const { queued, json } = jobAnswer('id', true, outcomes, ref);
  expect(queued).toBe(false);
  expect(read(json)).toEqual({ id: 'id', status: 'done', outcomes: told });
  const open = jobAnswer('id', true, [...outcomes, undefined], ref);
  expect(open.queued).toBe(true);
  expect(JSON.parse(open.json)).toEqual({
    id: 'id',
    status: 'queued',
    outcomes: [...told, { status: 'queued' }],
  });
});
