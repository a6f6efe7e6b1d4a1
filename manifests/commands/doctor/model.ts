import * as v from 'valibot';
import { startRegistry } from '../../../eventing/local/registry.ts';
import { modelEntries, readConfig } from '../../../functions/shared/config.ts';
import { configuredRegistry } from '../../../functions/shared/model/configured-registry.ts';
import { RegistryUnavailable } from '../../../functions/shared/model/registry-errors.ts';
import { ClusterFault, kubectlJson } from '../cluster/kubectl.ts';
import { reach, type Reached, serviceOf } from '../cluster/reach.ts';
import { tryToLoad } from '../model-version.ts';
import type { Finding } from './finding.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether what the alias names in a registry folder (or at MLFLOW_TRACKING_URI, as for `npm start`) can be loaded. Throws a `ConfigFault`. */
export async function localModelFinding(folder: string, env: Environment): Promise<Finding> {
  if (env['MLFLOW_TRACKING_URI']) return modelFinding(env, 'start it, or correct MLFLOW_TRACKING_URI');
  const served = await startRegistry(folder);
  try {
    return await modelFinding({ ...env, MLFLOW_TRACKING_URI: served.url }, '');
  } finally {
    await served.close();
  }
}

const ConfigMaps = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ name: v.string() }),
      data: v.optional(v.record(v.string(), v.string()), {}),
    }),
  ),
});

/**
 * Whether what the alias names in the registry of an installation can be loaded; nothing where nothing is installed. Credentials for the registry come
 * from `env`.
 */
export async function clusterModelFinding(namespace: string, env: Environment): Promise<Finding[]> {
  let remedy = `ask the cluster's administrator, or use a kubeconfig that may`;
  let reached: Reached | undefined;
  try {
    const { items } = await kubectlJson(ConfigMaps, ['get', 'configmaps', '-n', namespace]);
    const data = items.find(({ metadata }) => metadata.name === 'kickoff')?.data;
    const address = data?.['MLFLOW_TRACKING_URI'];
    if (!data || !address) return [];
    const of = serviceOf(new URL(address))?.namespace ?? namespace;
    remedy = `kubectl -n ${of} get pods; the registry is MLFLOW_TRACKING_URI of ConfigMap kickoff`;
    reached = await reach(address, 80);
    const there = { ...env, ...data, MLFLOW_TRACKING_URI: reached.url.href };
    return [await modelFinding(there, remedy)];
  } catch (error) {
    if (!(error instanceof ClusterFault)) throw error;
    return [{ ok: false, text: `the model registry cannot be asked: ${error.message}`, remedy }];
  } finally {
    reached?.close();
  }
}

async function modelFinding(env: Environment, unreachable: string): Promise<Finding> {
  const config = readConfig(v.object(modelEntries), env);
  const named = config.MODEL_URI;
  try {
    const { version, fault } = await tryToLoad(
      configuredRegistry({ ...config, MODEL_CACHE_DIR: undefined }, 'doctor'),
    );
    if (fault === undefined)
      return { ok: true, text: `${named} means version ${version ?? ''}, which can be loaded`, remedy: '' };
    return {
      ok: false,
      text: `${named} means ${version === undefined ? 'no version' : `version ${version}, which cannot be loaded`}: ${fault}`,
      remedy:
        'functions go on with the version that answered last, and say so; mend it, or move the alias: python -m model promote --version <one that can be loaded>, npm run publish-model where there is none yet',
    };
  } catch (error) {
    if (!(error instanceof RegistryUnavailable)) throw error;
    return { ok: false, text: `${named}: ${error.message}`, remedy: unreachable };
  }
}
