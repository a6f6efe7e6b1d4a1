import { isCanary } from '../../shared/model/challenger.ts';
import { type Outcome, type PredictionRequest, registered } from '../../shared/prediction.ts';
import type { Following } from './loaded.ts';
import { predict } from './predict.ts';

/** The champion's outcomes; for canary matches the challenger's, which name their model. Where it has none the champion's stays. */
export async function answerCanaries(
  outcomes: readonly Outcome[],
  requests: readonly PredictionRequest[],
  challenger: Pick<Following, 'use'> | undefined,
  percent: number,
): Promise<readonly Outcome[]> {
  const chosen = requests.filter((_, n) => {
    const outcome = outcomes[n];
    return outcome?.status === 'done' && isCanary(outcome.prediction, percent);
  });
  if (!challenger || chosen.length === 0) return outcomes;
  // What its own alias refuses is nothing that a caller need know: the alias of the champion names who answers.
  const answers = await challenger.use(async (loaded, { ref }) =>
    (await predict(loaded, chosen)).map((outcome) =>
      outcome.status === 'done' ? { ...outcome, model: registered(ref) } : undefined,
    ),
  );
  const byRequest = new Map(chosen.map((request, n) => [request, answers[n]]));
  return outcomes.map((outcome, n) => {
    const request = requests[n];
    return (request && byRequest.get(request)) ?? outcome;
  });
}
