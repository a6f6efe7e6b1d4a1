import * as v from 'valibot';
import { kubectlJson } from '../cluster/kubectl.ts';

const Live = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({
    name: v.string(),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
    ownerReferences: v.optional(v.array(v.unknown()), []),
    deletionTimestamp: v.optional(v.string()),
    finalizers: v.optional(v.array(v.string()), []),
  }),
});

/** An object as the cluster has it. */
export type Live = v.InferOutput<typeof Live>;

const List = v.looseObject({ items: v.array(Live) });

/** Of these resources those that the cluster serves: kinds of Knative and RabbitMQ may be missing. Throws `ClusterFault`. */
export async function served(resources: readonly string[]): Promise<string[]> {
  const { items } = await kubectlJson(List, ['get', 'customresourcedefinitions.apiextensions.k8s.io']);
  const known = new Set(items.map(({ metadata }) => metadata.name));
  const custom = /\.(knative\.dev|rabbitmq\.com)$/;
  return resources.filter((resource) => !custom.test(resource) || known.has(resource));
}

/** The objects of these resources, which must be served, in a namespace. Throws `ClusterFault`. */
export async function list(namespace: string, resources: readonly string[]): Promise<Live[]> {
  if (resources.length === 0) return [];
  return (await kubectlJson(List, ['get', resources.join(','), '-n', namespace])).items;
}

/** An object as kubectl's arguments name it: `trigger.eventing.knative.dev/predict`. */
export function argument({ apiVersion, kind, metadata }: Named): string {
  const group = /^(.+)\//.exec(apiVersion)?.[1];
  return `${kind.toLowerCase()}${group === undefined ? '' : `.${group}`}/${metadata.name}`;
}

type Named = { apiVersion: string; kind: string; metadata: { name: string } };
