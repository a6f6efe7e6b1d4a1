import type { InferOutput } from 'valibot';
import type { FuncYaml } from '../../../eventing/local/manifests/function-manifest.ts';

type Function = InferOutput<typeof FuncYaml>;
type Variable = Function['run']['envs'][number];

/** A func.yaml needs what only the deploying machine can know. */
export class NotReproducible extends Error {
  override name = 'NotReproducible';
}

const template = /^\{\{\s*(env|secret|configMap):([^:\s]+)(?::([^:\s]+))?\s*\}\}$/;

/** The Secret or ConfigMap that a value of `run.envs` names, or undefined for a literal. Throws for `{{ env:… }}`. */
export function reference({
  name,
  value,
}: Variable): { kind: 'secret' | 'configMap'; name: string; key?: string } | undefined {
  const [, kind, of, key] = template.exec(value) ?? [];
  if (kind === undefined || of === undefined) return undefined;
  if (kind !== 'secret' && kind !== 'configMap')
    throw new NotReproducible(
      `${name ?? ''}: ${value} is read from the machine that deploys; use {{ secret:… }} or {{ configMap:… }}`,
    );
  return { kind, name: of, ...(key === undefined ? {} : { key }) };
}

const refs = {
  secret: { one: 'secretKeyRef', all: 'secretRef' },
  configMap: { one: 'configMapKeyRef', all: 'configMapRef' },
} as const;

function environment(envs: readonly Variable[]): { env: object[]; envFrom: object[] } {
  const env: object[] = [];
  const envFrom: object[] = [];
  for (const variable of envs) {
    const from = reference(variable);
    if (!from) env.push({ name: variable.name, value: variable.value });
    else if (from.key === undefined) envFrom.push({ [refs[from.kind].all]: { name: from.name } });
    else
      env.push({
        name: variable.name,
        valueFrom: { [refs[from.kind].one]: { name: from.name, key: from.key } },
      });
  }
  // func's own: its runtimes listen by it.
  env.push({ name: 'ADDRESS', value: '0.0.0.0' });
  return { env, envFrom };
}

/** The Knative Service that `func deploy` 1.22 makes of a func.yaml (recorded from a real one), less its build time stamp. */
export function knativeService(func: Function, image: string): object {
  const { options, labels, annotations, healthEndpoints } = func.deploy;
  const { scale } = options;
  const { concurrency, ...limits } = options.resources.limits;
  const marks = {
    'boson.dev/function': 'true',
    'function.knative.dev/name': func.name,
    'function.knative.dev/runtime': func.runtime,
    ...Object.fromEntries(labels.map(({ key, value }) => [key, value])),
  };
  const notes = { 'function.knative.dev/deployer': 'knative', ...annotations };
  const { env, envFrom } = environment(func.run.envs);
  const probe = (path: string) => ({ httpGet: { path, port: 8080 } });
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name: func.name, namespace: func.namespace, labels: marks, annotations: notes },
    spec: {
      template: {
        metadata: {
          labels: marks,
          annotations: {
            ...notes,
            'autoscaling.knative.dev/min-scale': String(scale.min),
            'autoscaling.knative.dev/max-scale': String(scale.max),
            'autoscaling.knative.dev/metric': scale.metric,
            ...(scale.target === undefined
              ? {}
              : { 'autoscaling.knative.dev/target': scale.target.toFixed(6) }),
            ...(scale.utilization === undefined
              ? {}
              : { 'autoscaling.knative.dev/target-utilization-percentage': scale.utilization.toFixed(6) }),
          },
        },
        spec: {
          containerConcurrency: concurrency,
          containers: [
            {
              name: 'user-container',
              image,
              env,
              ...(envFrom.length > 0 ? { envFrom } : {}),
              livenessProbe: probe(healthEndpoints.liveness ?? '/health/liveness'),
              readinessProbe: {
                ...probe(healthEndpoints.readiness ?? '/health/readiness'),
                successThreshold: 1,
              },
              resources: { requests: options.resources.requests ?? {}, limits },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                runAsNonRoot: true,
                seccompProfile: { type: 'RuntimeDefault' },
              },
            },
          ],
        },
      },
    },
  };
}
