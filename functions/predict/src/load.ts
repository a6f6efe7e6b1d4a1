import * as v from 'valibot';
import type { Loaded as LoadedModel } from '../../shared/model/follow.ts';
import { type Artifact, fileOf, jsonOf } from '../../shared/model/registry.ts';
import { TeamsFile } from '../../shared/model/teams.ts';
import type { Loaded } from './loaded.ts';
import { createModel } from './model.ts';
import { warmUp } from './predict.ts';

/** The files of an artifact that `load` reads. */
export const files = ['model.onnx', 'teams.json', 'card.json'] as const;

/** Steps of a load, in their order. */
export type LoadPhase = 'fetched' | 'session' | 'warmed';

/** Loads an artifact and runs it once. Rejects when a file is not what it should be. */
export async function load(
  artifact: Artifact,
  threads: number,
  reached: (phase: LoadPhase) => void = () => undefined,
): Promise<LoadedModel<Loaded>> {
  reached('fetched');
  const model = await createModel(fileOf(artifact, 'model.onnx'), threads);
  reached('session');
  try {
    const teams = await warmUp(model, v.parse(TeamsFile, jsonOf(artifact, 'teams.json')));
    reached('warmed');
    return { value: { model, teams, card: jsonOf(artifact, 'card.json') }, release: () => model.release() };
  } catch (error) {
    await model.release();
    throw error;
  }
}
