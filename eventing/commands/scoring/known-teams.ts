import * as v from 'valibot';
import { modelEntries, readConfig } from '../../../functions/shared/config.ts';
import { configuredRegistry } from '../../../functions/shared/model/configured-registry.ts';
import { jsonOf } from '../../../functions/shared/model/registry.ts';
import { ModelRefused, RegistryUnavailable } from '../../../functions/shared/model/registry-errors.ts';
import { createTeams, type Teams, TeamsFile } from '../../../functions/shared/model/teams.ts';
import { startRegistry } from '../../local/registry.ts';
import { type Command, Refusal } from '../command.ts';

/** The teams of the model that answers: from MLFLOW_TRACKING_URI, or the shipped registry. Throws a `Refusal` if neither gives them. */
export async function knownTeams({ env }: Pick<Command, 'env'>): Promise<Teams> {
  const shipped = env['MLFLOW_TRACKING_URI'] ? undefined : await startRegistry('model/registry');
  try {
    const config = readConfig(v.object(modelEntries), {
      ...env,
      ...(shipped ? { MLFLOW_TRACKING_URI: shipped.url } : {}),
    });
    const registry = configuredRegistry({ ...config, MODEL_CACHE_DIR: undefined }, 'operator');
    const artifact = await registry.download(await registry.resolve(), ['teams.json']);
    return createTeams(v.parse(TeamsFile, jsonOf(artifact, 'teams.json')));
  } catch (error) {
    if (error instanceof ModelRefused || error instanceof RegistryUnavailable)
      throw new Refusal(`the teams of the model cannot be read: ${error.message}`);
    throw error;
  } finally {
    await shipped?.close();
  }
}
