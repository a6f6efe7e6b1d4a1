import type { CompletedData } from '../../shared/events/events.ts';
import { forecastOf, type Shadowed, type ShadowPair } from '../../shared/store/history.ts';
import type { Outcome, Prediction, PredictionRequest } from '../../shared/prediction.ts';
import type { Challenger } from '../../shared/model/challenger.ts';
import type { Following, Loaded } from './loaded.ts';
import { predict } from './predict.ts';

/**
 * What champion and challenger say of the matches that an event answered: each is asked for what the other one said. Undefined if there is no
 * challenger, or it is the champion itself.
 */
export async function shadow(
  { outcomes }: Pick<CompletedData, 'outcomes'>,
  champion: Following,
  challenger: Pick<Challenger<Loaded>, 'model'>,
): Promise<Shadowed | undefined> {
  const other = challenger.model();
  if (!other) return undefined;
  const requests = outcomes.flatMap((outcome): PredictionRequest[] => {
    if (outcome.status !== 'done') return [];
    const { home, away, league } = outcome.prediction;
    return [{ id: outcome.id, home, away, league }];
  });
  const ask = (model: Pick<Following, 'use'>) =>
    model.use(async (loaded, { ref }) => ({ ref, outcomes: await predict(loaded, requests) }));
  const [ours, theirs] = [await ask(champion), await ask(other)];
  if (ours.ref.digest === theirs.ref.digest) return undefined;
  const pairs = ours.outcomes.flatMap((outcome, n): ShadowPair[] => {
    const [a, b] = [done(outcome), done(theirs.outcomes[n])];
    if (!a || !b) return [];
    const { home, away, league } = a;
    return [{ home, away, league, champion: forecastOf(a), challenger: forecastOf(b) }];
  });
  return pairs.length === 0 ? undefined : { champion: ours.ref, challenger: theirs.ref, pairs };
}

function done(outcome: Outcome | undefined): Prediction | undefined {
  return outcome?.status === 'done' ? outcome.prediction : undefined;
}
