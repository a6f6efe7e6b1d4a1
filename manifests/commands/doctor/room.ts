import * as v from 'valibot';
import type { Document } from '../yaml/bundle.ts';
import { quantity, resourceSums } from '../yaml/resources.ts';
import type { Finding } from './finding.ts';
import type { Deployment } from './operators.ts';
import { Amounts, type PodOfCluster } from './pods.ts';

/** A node, as far as the doctor reads it. */
export const Node = v.looseObject({
  status: v.looseObject({ allocatable: v.optional(Amounts, {}) }),
});

/** What is in a cluster; `deployments` are looked at for those that will have a pod with us. */
type Cluster = {
  nodes: readonly v.InferOutput<typeof Node>[];
  pods: readonly PodOfCluster[];
  deployments: readonly v.InferOutput<typeof Deployment>[];
};

/** Cores, and memory in bytes. */
type Amount = { cpu: number; memory: number };

/**
 * Whether the nodes have unrequested cores and memory for an installation with one replica of each function. What is already in `namespace`
 * counts as free. Nothing if nodes or pods may not be read.
 */
export function roomFinding(
  documents: readonly Document[],
  namespace: string,
  { nodes, pods, deployments }: Cluster,
): Finding[] {
  if (nodes.length === 0 || pods.length === 0) return [];
  const free: Amount = { cpu: 0, memory: 0 };
  for (const { status } of nodes) add(free, status.allocatable, 1);
  for (const { metadata, spec, status } of pods)
    if (metadata.namespace !== namespace && status.phase !== 'Succeeded' && status.phase !== 'Failed')
      for (const { resources } of spec.containers) add(free, resources.requests, -1);
  for (const { spec } of deployments.filter(asleep))
    for (const { resources } of spec.template.spec.containers) add(free, resources.requests, -1);
  const { requests } = resourceSums(documents, 'one');
  return [
    {
      ok: free.cpu >= requests.cpu && free.memory >= requests.memory,
      text: `room for one replica of each function: asks for ${words(requests)}, the nodes have ${words(free)} unrequested`,
      remedy:
        free.memory >= requests.memory
          ? 'pods would stay Pending. On one server: kubectl apply --server-side --force-conflicts --field-manager=kickoff -k manifests/platform-requests. Otherwise a larger node'
          : 'pods would stay Pending: a larger node, or smaller requests in func.yaml and the overlay',
    },
  ];
}

/** Eventing starts its adapter of PingSources with the first of them, which is ours. */
function asleep({ metadata, spec }: v.InferOutput<typeof Deployment>): boolean {
  return metadata.name === 'pingsource-mt-adapter' && spec.replicas === 0;
}

const words = ({ cpu, memory }: Amount): string =>
  `${cpu.toFixed(2)} cores and ${Math.round(memory / 2 ** 20)} MiB`;

function add(sum: Amount, amounts: v.InferOutput<typeof Amounts>, sign: 1 | -1): void {
  sum.cpu += sign * quantity(amounts.cpu);
  sum.memory += sign * quantity(amounts.memory);
}
