import { files, load } from '../../functions/predict/src/load.ts';
import { ModelRefused } from '../../functions/shared/model/registry-errors.ts';
import type { Registry } from '../../functions/shared/model/registry.ts';

/** The version that a model URI names, and why the functions cannot load it, if they cannot. */
export type ModelVersion = { version: string | undefined; fault?: string };

/** Loads what the URI of a registry names, as predict does. Throws `RegistryUnavailable`. */
export async function tryToLoad(registry: Registry): Promise<ModelVersion> {
  let version: string | undefined;
  try {
    const ref = await registry.resolve();
    version = ref.version;
    const loaded = await load(await registry.download(ref, files), 1);
    await loaded.release();
    return { version };
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'RegistryUnavailable') throw error;
    const named = error instanceof ModelRefused ? error.version : undefined;
    return { version: version ?? named, fault: error.message };
  }
}
