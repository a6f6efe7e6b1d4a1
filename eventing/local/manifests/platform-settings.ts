import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { AutoscalerConfigError, refused } from '../serving/autoscaler/fault.ts';
import { parseAutoscalerConfig } from '../serving/autoscaler/config.ts';
import type { AutoscalerConfig } from '../serving/autoscaler/config.ts';
import type { FunctionSpec } from './function-manifest.ts';
import { ManifestError, readManifests } from './manifest.ts';
import type { Manifest } from './manifest.ts';

const ConfigMap = v.looseObject({
  kind: v.literal('ConfigMap'),
  metadata: v.looseObject({ name: v.string() }),
  data: v.optional(v.record(v.string(), v.string()), {}),
});

/** The ConfigMaps of manifests/base, and their places. */
export type ConfigMaps = ReadonlyMap<string, { data: Record<string, string>; manifest: Manifest }>;

/** Reads the ConfigMaps in a folder and its subfolders, if it exists. Throws `ManifestError` for a file that is no YAML. */
export function readConfigMaps(folder: string, root: string): ConfigMaps {
  const maps = new Map<string, { data: Record<string, string>; manifest: Manifest }>();
  if (!existsSync(folder)) return maps;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.yaml'),
  );
  for (const file of files) {
    const { manifests, faults } = readManifests(path.join(folder, file), root);
    if (faults.length > 0) throw new ManifestError(faults);
    for (const manifest of manifests) {
      const { success, output } = v.safeParse(ConfigMap, manifest.value);
      if (success) maps.set(output.metadata.name, { data: output.data, manifest });
    }
  }
  return maps;
}

const prefix = 'autoscaling.knative.dev/';

/** How a function scales: its func.yaml and the cluster's `config-autoscaler`. Throws `ManifestError`. */
export function scaleConfig(spec: FunctionSpec, maps: ConfigMaps): AutoscalerConfig {
  const cluster = maps.get('config-autoscaler');
  const { min, max, metric, target, utilization } = spec.scale;
  try {
    const config = parseAutoscalerConfig({
      annotations: {
        [`${prefix}min-scale`]: String(min),
        [`${prefix}max-scale`]: String(max),
        [`${prefix}metric`]: metric,
        ...(target === undefined ? {} : { [`${prefix}target`]: String(target) }),
        ...(utilization === undefined
          ? {}
          : { [`${prefix}target-utilization-percentage`]: String(utilization) }),
      },
      // With the cluster's default, the activator here leaves the path as soon as a replica is ready. It would add a hop through the runtime to
      // each request; in a cluster it has its own process.
      configAutoscaler: { 'target-burst-capacity': '0', ...cluster?.data },
      containerConcurrency: spec.containerConcurrency,
    });
    // Knative starts a replica of each new revision as a check; here nothing runs before it is asked for.
    return { ...config, initialScale: 0 };
  } catch (error) {
    if (!(error instanceof AutoscalerConfigError)) throw error;
    throw new ManifestError(
      error.faults.map(({ key, message }) =>
        cluster && key.startsWith('config-autoscaler ')
          ? {
              file: cluster.manifest.file,
              line: cluster.manifest.line(['data', key.slice('config-autoscaler '.length)]),
              message,
            }
          : { file: spec.file, line: spec.scaleLine, message },
      ),
    );
  }
}

/** Milliseconds that a request may take, from `config-defaults` as Knative reads it; 300 s without. */
export function revisionTimeoutMs(maps: ConfigMaps): number {
  const defaults = maps.get('config-defaults');
  const given = defaults?.data['revision-timeout-seconds'];
  if (given === undefined) return 300_000;
  if (/^\d+$/.test(given) && Number(given) > 0) return Number(given) * 1000;
  const key = 'config-defaults revision-timeout-seconds';
  throw new ManifestError([
    {
      file: defaults?.manifest.file ?? '',
      line: defaults?.manifest.line(['data', 'revision-timeout-seconds']) ?? 0,
      message: refused(key, given, 'use whole seconds').message,
    },
  ]);
}
