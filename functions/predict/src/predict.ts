import * as v from 'valibot';
import { createTeams, type Teams } from '../../shared/model/teams.ts';
import type { TeamsFile } from '../../shared/model/teams.ts';
import { type Outcome, Prediction, type PredictionRequest } from '../../shared/prediction.ts';
import type { Model, ResolvedRequest } from './model.ts';

/** What predicts: a graph and the teams of the same artifact. */
export type Predictor = { model: Pick<Model, 'run'>; teams: Teams };

/** Returns one outcome per request, in their order. A request that cannot be predicted fails alone; the rest share one run of the graph. */
export async function predict(
  { model, teams }: Predictor,
  requests: readonly PredictionRequest[],
): Promise<Outcome[]> {
  const outcomes = new Map<number, Outcome>();
  const places: number[] = [];
  const resolved: ResolvedRequest[] = [];
  const resolve = teams.resolver();
  for (const [place, request] of requests.entries()) {
    const { id } = request;
    const found = resolve(request);
    if ('fault' in found) {
      const { reason, nearest } = found.fault;
      outcomes.set(place, { id, status: 'failed', reason, ...(nearest ? { nearest } : {}) });
    } else {
      places.push(place);
      resolved.push({ ...found.fixture, id });
    }
  }
  if (resolved.length > 0) {
    const made = await model.run(resolved);
    for (const [n, place] of places.entries()) {
      const outcome = made[n];
      if (outcome) outcomes.set(place, outcome);
    }
  }
  return requests.map(
    ({ id }, place) => outcomes.get(place) ?? { id, status: 'failed', reason: 'the model gave no outcome' },
  );
}

/** One inference on a fixture of the model's own teams. The first caller does not pay for it, and it proves that the graph runs. */
export async function warmUp(model: Pick<Model, 'run'>, file: TeamsFile): Promise<Teams> {
  const teams = createTeams(file);
  const [home, away] = file.teams;
  if (!home || !away) throw new Error('teams.json names fewer than two teams');
  const id = '00000000-0000-7000-8000-000000000000';
  const [outcome] = await model.run([{ id, home: home.name, away: away.name, league: '', scoreline: true }]);
  if (outcome?.status !== 'done')
    throw new Error(`the graph does not know ${home.name} and ${away.name} of its own teams.json`);
  if (!v.is(Prediction, outcome.prediction))
    throw new Error(`the graph's figures for ${home.name} and ${away.name} are no probabilities`);
  return teams;
}
