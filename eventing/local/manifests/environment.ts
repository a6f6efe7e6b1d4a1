import { ManifestError } from './manifest.ts';
import type { Fault } from './manifest.ts';
import type { FunctionSpec } from './function-manifest.ts';

export type EnvironmentSources = {
  /** The runtime's own environment. */
  own: Readonly<Record<string, string | undefined>>;
  /** What the embedded platform provides, by variable. */
  provided: Readonly<Record<string, string>>;
  /** Data of the ConfigMaps in manifests/base, by name. */
  configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The local address of a host name of the cluster; undefined for one that is not here. */
  addressOf: (host: string) => string | undefined;
};

const template = /^\{\{\s*(\w+):([^:\s}]+)(?::([-._a-zA-Z0-9]+))?\s*\}\}$/;
const clusterUrl = /http:\/\/([a-z0-9-]+\.[a-z0-9-]+\.svc(?:\.cluster\.local)?)(?::\d+)?/g;
/** Set by the platform for each replica. */
const reserved = ['ADDRESS', 'PORT', 'K_SERVICE', 'K_REVISION', 'K_CONFIGURATION'];

/**
 * The environment of a function: what func.yaml names. Each value comes from the runtime's own environment (an empty one counts as unset), else
 * from the embedded platform, else from func.yaml. A Secret's or ConfigMap's value that is unknown here is left out. Added are the log level, and
 * for a function with a model what names, keeps and follows it. Throws `ManifestError`.
 */
export function functionEnvironment(spec: FunctionSpec, sources: EnvironmentSources): Record<string, string> {
  const values: Record<string, string> = {};
  const faults: Fault[] = [];
  for (const { name, value, file, line } of spec.envs) {
    const fault = (message: string): void => void faults.push({ file, line, message });
    const [, kind, source = '', key] = template.exec(value) ?? [];
    if (name !== undefined && reserved.includes(name)) fault(`${name} is set by the platform`);
    else if (kind === 'env')
      fault(`${value} is read from the machine that deploys; use a Secret or ConfigMap`);
    else if (name === undefined) {
      if (kind !== 'configMap' || key !== undefined)
        fault(`${value}: all keys at once only of a ConfigMap in manifests/base; name each variable`);
      else Object.assign(values, sources.configMaps.get(source));
    } else {
      const found = valueOf(name, { value, kind, source, key }, sources);
      if (found !== undefined) values[name] = found;
    }
  }
  if (faults.length > 0) throw new ManifestError(faults);
  // Not named by the func.yaml of ingress: a SinkBinding would set it in a cluster.
  const sink = sources.own['K_SINK'] || sources.provided['K_SINK'];
  if (sink !== undefined) values['K_SINK'] = sink;
  // A func.yaml can name no Secret that a cluster may lack. Where wanted, these are added to it; here they are taken as they are.
  const optional =
    values['MLFLOW_TRACKING_URI'] === undefined ? /^LOG_LEVEL$/ : /^(LOG_LEVEL|(MLFLOW|MODEL)_.*)$/;
  for (const [name, value] of Object.entries(sources.own))
    if (value !== undefined && (/^(PATH|HOME|TZ|NODE_.*)$/.test(name) || optional.test(name)))
      values[name] ??= value;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, local(value, sources.addressOf)]),
  );
}

function valueOf(
  name: string,
  named: { value: string; kind: string | undefined; source: string; key: string | undefined },
  sources: EnvironmentSources,
): string | undefined {
  const given = sources.own[name] || sources.provided[name];
  if (given !== undefined) return given;
  if (named.kind === undefined) return named.value;
  return named.kind === 'configMap' ? sources.configMaps.get(named.source)?.[named.key ?? ''] : undefined;
}

function local(value: string, addressOf: (host: string) => string | undefined): string {
  return value.replace(clusterUrl, (url, host: string) => addressOf(host) ?? url);
}
