import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { milliseconds } from './duration.ts';
import { ManifestError, parseManifest, readManifests } from './manifest.ts';
import type { Fault, Manifest, Place } from './manifest.ts';

const Name = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'lower-case letters, digits and "-" only'),
);
const whole = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));
const Quantities = v.strictObject({
  cpu: v.optional(v.union([v.string(), v.number()])),
  memory: v.optional(v.union([v.string(), v.number()])),
});

/** Fields only for building or deploying: they change nothing on one machine, so they are ignored. */
const Elsewhere = v.optional(v.unknown());

const Scale = v.strictObject({
  min: v.optional(whole(0), 0),
  max: v.optional(whole(0), 0),
  metric: v.optional(v.picklist(['concurrency', 'rps']), 'concurrency'),
  target: v.optional(v.pipe(v.number(), v.minValue(0.01))),
  utilization: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(100))),
});

/** `func.yaml` as the schema of func 0.36.0 allows it, less what one machine cannot honour. */
export const FuncYaml = v.strictObject({
  specVersion: v.literal('0.36.0'),
  created: v.unknown(),
  name: Name,
  runtime: v.picklist(['typescript', 'node'], 'the local platform runs "typescript" and "node" only'),
  namespace: v.optional(Name, 'kickoff'),
  registry: Elsewhere,
  registryInsecure: Elsewhere,
  image: Elsewhere,
  deployer: v.optional(v.literal('knative')),
  invoke: Elsewhere,
  build: Elsewhere,
  run: v.optional(
    v.strictObject({
      envs: v.optional(v.array(v.strictObject({ name: v.optional(v.string()), value: v.string() })), []),
      startTimeout: v.optional(v.pipe(v.string(), v.check(isDuration, 'a duration such as 60s')), '60s'),
    }),
    {},
  ),
  deploy: v.optional(
    v.strictObject({
      namespace: Elsewhere,
      image: Elsewhere,
      deployer: v.optional(v.literal('knative')),
      annotations: v.optional(v.record(v.string(), v.string()), {}),
      labels: v.optional(v.array(v.strictObject({ key: v.string(), value: v.string() })), []),
      options: v.optional(
        v.strictObject({
          scale: v.optional(Scale, {}),
          resources: v.optional(
            v.strictObject({
              requests: v.optional(Quantities),
              limits: v.optional(
                v.strictObject({ ...Quantities.entries, concurrency: v.optional(whole(0), 0) }),
                {},
              ),
            }),
            {},
          ),
        }),
        {},
      ),
      healthEndpoints: v.optional(
        v.strictObject({ liveness: v.optional(v.string()), readiness: v.optional(v.string()) }),
        {},
      ),
      imagePullSecret: Elsewhere,
      serviceAccountName: Elsewhere,
    }),
    {},
  ),
});

/** A function as the platform runs it. */
export type FunctionSpec = {
  name: string;
  namespace: string;
  folder: string;
  file: string;
  /** Where func.yaml states its scale. */
  scaleLine: number;
  envs: { name?: string | undefined; value: string; file: string; line: number }[];
  /** The most requests in flight in one replica; 0: no limit. */
  containerConcurrency: number;
  scale: v.InferOutput<typeof Scale>;
  readinessPath: string;
  /** How long a start may take, and hold a request. */
  startTimeoutMs: number;
};

function isDuration(text: string): boolean {
  return milliseconds(text) !== undefined;
}

/** Reads `<folder>/<name>/func.yaml` of every function. Throws `ManifestError` with all faults at once. */
export function readFunctions(folder: string, root: string): FunctionSpec[] {
  const faults: Fault[] = [];
  const specs: FunctionSpec[] = [];
  const named = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name, 'func.yaml');
    if (!entry.isDirectory() || !existsSync(file)) continue;
    const read = readManifests(file, root);
    faults.push(...read.faults);
    for (const manifest of read.manifests) {
      const parsed = parseFunction(manifest, path.dirname(file));
      faults.push(...parsed.faults);
      const name = (manifest.value as { name?: unknown } | null)?.name;
      if (typeof name === 'string') {
        const other = named.get(name);
        const line = manifest.line(['name']);
        if (other === undefined) named.set(name, `${manifest.file}:${line}`);
        else faults.push({ file: manifest.file, line, message: `name: ${other} is called "${name}" too` });
      }
      if (parsed.spec) specs.push(parsed.spec);
    }
  }
  if (faults.length > 0) throw new ManifestError(faults);
  return specs;
}

function parseFunction(manifest: Manifest, folder: string): { spec?: FunctionSpec; faults: Fault[] } {
  const { output, faults } = parseManifest(FuncYaml, manifest);
  if (!output) return { faults };
  const fault = (place: Place, message: string): void => {
    faults.push({ file: manifest.file, line: manifest.line(place), message });
  };
  const { options, annotations, healthEndpoints } = output.deploy;
  const { scale } = options;
  const limit = options.resources.limits.concurrency;
  const inScale = (key: string): Place => ['deploy', 'options', 'scale', key];
  if (scale.max > 0 && scale.min > scale.max)
    fault(inScale('min'), `scale.min ${scale.min} is above scale.max ${scale.max}`);
  if (limit > 0 && scale.target !== undefined && scale.target > limit)
    fault(inScale('target'), `scale.target ${scale.target} is above resources.limits.concurrency ${limit}`);
  for (const key of Object.keys(annotations))
    fault(
      ['deploy', 'annotations', key],
      key.startsWith('autoscaling.knative.dev/')
        ? `Knative refuses ${key} here: func copies it to the Service's own metadata. Scale belongs in deploy.options.scale`
        : `${key} is not an annotation that the local platform knows`,
    );
  if (faults.length > 0) return { faults };
  return {
    faults,
    spec: {
      name: output.name,
      namespace: output.namespace,
      folder,
      file: manifest.file,
      scaleLine: manifest.line(['deploy', 'options', 'scale']),
      envs: output.run.envs.map((env, place) => ({
        ...env,
        file: manifest.file,
        line: manifest.line(['run', 'envs', place]),
      })),
      containerConcurrency: limit,
      scale,
      readinessPath: healthEndpoints.readiness ?? '/health/readiness',
      startTimeoutMs: milliseconds(output.run.startTimeout) ?? 60_000,
    },
  };
}
