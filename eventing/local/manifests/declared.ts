import path from 'node:path';
import type { AutoscalerConfig } from '../serving/autoscaler/config.ts';
import { readFunctions } from './function-manifest.ts';
import type { FunctionSpec } from './function-manifest.ts';
import { ManifestError } from './manifest.ts';
import type { Fault } from './manifest.ts';
import { readConfigMaps, revisionTimeoutMs, scaleConfig } from './platform-settings.ts';
import type { ConfigMaps } from './platform-settings.ts';
import { readWiring } from './wiring/read.ts';
import type { Wiring } from './wiring/wiring.ts';

/** What the project's manifests declare, as the local platform reads it. */
export type Declared = {
  functions: { spec: FunctionSpec; config: AutoscalerConfig }[];
  wiring: Wiring;
  maps: ConfigMaps;
  /** The time for one request, cold start included. */
  timeoutMs: number;
};

/** Reads functions/, eventing/ and manifests/base/ of a project. Throws one `ManifestError` for the faults in all of them. */
export function readDeclared(root: string): Declared {
  const faults: Fault[] = [];
  function collect<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ManifestError)) throw error;
      faults.push(...error.faults);
      return undefined;
    }
  }
  const specs = collect(() => readFunctions(path.join(root, 'functions'), root));
  const maps = collect(() => readConfigMaps(path.join(root, 'manifests/base'), root));
  // Without the functions' names every Trigger would be a fault too.
  const wiring =
    specs &&
    collect(() =>
      readWiring(
        path.join(root, 'eventing'),
        specs.map(({ name }) => name),
      ),
    );
  const timeoutMs = maps && collect(() => revisionTimeoutMs(maps));
  const configs = maps && specs?.map((spec) => ({ spec, config: collect(() => scaleConfig(spec, maps)) }));
  const functions = configs?.flatMap(({ spec, config }) => (config ? [{ spec, config }] : []));
  if (faults.length > 0 || !functions || !wiring || !maps || timeoutMs === undefined)
    throw new ManifestError(faults);
  return { functions, wiring, maps, timeoutMs };
}
