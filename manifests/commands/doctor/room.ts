import * as v from 'valibot';
import type { Document } from '../yaml/bundle.ts';
import { ClusterFault, kubectlJson } from '../cluster/kubectl.ts';
import type { Finding } from './finding.ts';
import { quantity, resourceSums } from '../yaml/resources.ts';

const Amounts = v.looseObject({ cpu: v.optional(v.string(), '0'), memory: v.optional(v.string(), '0') });
const Nodes = v.looseObject({
  items: v.array(v.looseObject({ status: v.looseObject({ allocatable: v.optional(Amounts, {}) }) })),
});
const Pods = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ namespace: v.string() }),
      spec: v.looseObject({
        containers: v.array(
          v.looseObject({
            resources: v.optional(v.looseObject({ requests: v.optional(Amounts, {}) }), {}),
          }),
        ),
      }),
      status: v.looseObject({ phase: v.optional(v.string(), '') }),
    }),
  ),
});

/**
 * Whether the nodes have unrequested cores and memory for an installation with one replica of each function. What is already in `namespace`
 * counts as free. Undefined if nodes or pods may not be read, or there is no node.
 */
export async function roomFinding(
  documents: readonly Document[],
  namespace: string,
): Promise<Finding | undefined> {
  try {
    const [nodes, pods] = await Promise.all([
      kubectlJson(Nodes, ['get', 'nodes']),
      kubectlJson(Pods, ['get', 'pods', '-A']),
    ]);
    if (nodes.items.length === 0) return undefined;
    const free = { cpu: 0, memory: 0 };
    for (const { status } of nodes.items) add(free, status.allocatable, 1);
    for (const { metadata, spec, status } of pods.items)
      if (metadata.namespace !== namespace && status.phase !== 'Succeeded' && status.phase !== 'Failed')
        for (const { resources } of spec.containers) add(free, resources.requests, -1);
    const { requests } = resourceSums(documents, 'one');
    const words = ({ cpu, memory }: typeof free): string =>
      `${cpu.toFixed(2)} cores and ${Math.round(memory / 2 ** 20)} MiB`;
    return {
      ok: free.cpu >= requests.cpu && free.memory >= requests.memory,
      text: `room for one replica of each function: asks for ${words(requests)}, the nodes have ${words(free)} unrequested`,
      remedy: 'a larger node, or smaller requests in func.yaml and the overlay: pods would stay Pending',
    };
  } catch (error) {
    if (error instanceof ClusterFault && /forbidden/i.test(error.message)) return undefined;
    throw error;
  }
}

function add(
  sum: { cpu: number; memory: number },
  amounts: v.InferOutput<typeof Amounts>,
  sign: 1 | -1,
): void {
  sum.cpu += sign * quantity(amounts.cpu);
  sum.memory += sign * quantity(amounts.memory);
}
