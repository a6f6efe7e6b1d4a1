import * as v from 'valibot';
import { refused } from './fault.ts';
import type { Fault } from './fault.ts';
import { ALTERNATE_NAMES, Annotations, ClusterConfig } from './settings.ts';

const PREFIX = 'autoscaling.knative.dev/';

/** Settings as read, the key of each name (given or not), and which names were given. */
export type Settings<T> = {
  output: T | undefined;
  keyOf: (name: string) => string;
  given: ReadonlySet<string>;
};

/** The autoscaling annotations of a revision, also under their older names; faults are added to `faults`. */
export function readAnnotations(
  annotations: Readonly<Record<string, unknown>>,
  faults: Fault[],
): Settings<v.InferOutput<typeof Annotations>> {
  const values = new Map<string, unknown>();
  const keys = new Map<string, string>();
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const given = key.slice(PREFIX.length);
    const name = ALTERNATE_NAMES.get(given) ?? given;
    const same = keys.get(name);
    if (!Object.hasOwn(Annotations.entries, name))
      faults.push(refused(key, value, `unknown annotation; known are ${namesOf(Annotations)}`));
    else if (same !== undefined) faults.push(refused(key, value, `${same} sets the same; keep one`));
    else {
      values.set(name, value);
      keys.set(name, key);
    }
  }
  const keyOf = (name: string) => keys.get(name) ?? `${PREFIX}${name}`;
  const result = v.safeParse(Annotations, Object.fromEntries(values));
  if (!result.success) faults.push(...faultsOf(result.issues, keyOf));
  return { output: result.success ? result.output : undefined, keyOf, given: new Set(keys.keys()) };
}

/** The data of the ConfigMap `config-autoscaler`; faults are added to `faults`. */
export function readClusterConfig(
  data: Readonly<Record<string, unknown>>,
  faults: Fault[],
): Settings<v.InferOutput<typeof ClusterConfig>> {
  const keyOf = (name: string) => `config-autoscaler ${name}`;
  for (const [name, value] of Object.entries(data)) {
    // Every ConfigMap of Knative documents itself under this key.
    if (name === '_example' || Object.hasOwn(ClusterConfig.entries, name)) continue;
    faults.push(refused(keyOf(name), value, `unknown key; known are ${namesOf(ClusterConfig)}`));
  }
  const result = v.safeParse(ClusterConfig, data);
  if (!result.success) faults.push(...faultsOf(result.issues, keyOf));
  return { output: result.success ? result.output : undefined, keyOf, given: new Set(Object.keys(data)) };
}

function namesOf(schema: typeof Annotations | typeof ClusterConfig): string {
  return Object.keys(schema.entries).join(', ');
}

function faultsOf(issues: readonly v.BaseIssue<unknown>[], keyOf: (name: string) => string): Fault[] {
  return issues.map((issue) =>
    refused(keyOf(v.getDotPath(issue) ?? ''), issue.input, `use ${issue.message}`),
  );
}
