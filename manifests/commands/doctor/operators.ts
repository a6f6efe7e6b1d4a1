import * as v from 'valibot';
import type { Finding } from './finding.ts';
import { Container, type PodOfCluster } from './pods.ts';
import { operators } from './requirements.ts';

const Labels = v.optional(v.record(v.string(), v.string()), {});

/** A Deployment, as far as the doctor reads it. */
export const Deployment = v.looseObject({
  metadata: v.looseObject({ name: v.string(), namespace: v.string(), labels: Labels }),
  spec: v.looseObject({
    replicas: v.optional(v.number(), 1),
    selector: v.looseObject({ matchLabels: Labels }),
    template: v.looseObject({
      spec: v.looseObject({
        containers: v.array(v.looseObject({ ...Container.entries, image: v.string() })),
      }),
    }),
  }),
  status: v.optional(v.looseObject({ readyReplicas: v.optional(v.number(), 0) }), { readyReplicas: 0 }),
});
type Deployment = v.InferOutput<typeof Deployment>;

/** The Deployments that must be there, recent, ready, and not in a loop of restarts. `now` in milliseconds since 1970. */
export function operatorFindings(
  deployments: readonly Deployment[],
  pods: readonly PodOfCluster[],
  now: number,
): Finding[] {
  return operators.map(([name, least, remedy]) => {
    const found = deployments.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === name);
    if (!found) return { ok: false, text: `${name} missing`, remedy };
    const of = `-n ${found.metadata.namespace}`;
    const version = versionOf(found);
    // Labels of nightly builds are no versions: they count as recent.
    if (least !== '' && /^v?\d+\./.test(version) && compare(version.replace(/^v/, ''), least) < 0)
      return { ok: false, text: `${name} ${version}`, remedy };
    if (found.status.readyReplicas === 0)
      return {
        ok: false,
        text: `${name} not ready`,
        remedy: `kubectl ${of} describe deployment ${found.metadata.name}`,
      };
    // Before its first exit it is ready and Available: the restarts tell.
    const restarts = Math.max(0, ...pods.filter((pod) => isOf(pod, found)).map((pod) => loop(pod, now)));
    return {
      ok: restarts === 0,
      text: `${name} ${version}${restarts === 0 ? '' : ` ends again and again: ${restarts} restarts`}`.trim(),
      remedy: `kubectl ${of} logs deployment/${found.metadata.name} --previous`,
    };
  });
}

function versionOf({ metadata, spec }: Deployment): string {
  const tag = /:v?(\d+\.\d+[^@]*)/.exec(spec.template.spec.containers[0]?.image ?? '')?.[1];
  return metadata.labels['app.kubernetes.io/version'] ?? tag ?? '';
}

function isOf({ metadata }: PodOfCluster, { metadata: { namespace }, spec }: Deployment): boolean {
  const labels = Object.entries(spec.selector.matchLabels);
  return (
    metadata.namespace === namespace &&
    labels.length > 0 &&
    labels.every(([key, value]) => metadata.labels[key] === value)
  );
}

/** Kubelet waits five minutes at most before it starts a container again: who ended longer ago has run since. */
const recent = 10 * 60_000;

/** How often a pod's container was started again, if that goes on; 0 otherwise. */
function loop({ status }: PodOfCluster, now: number): number {
  const going = status.containerStatuses.filter(
    ({ restartCount, lastState: { terminated } }) =>
      restartCount >= 2 && terminated !== undefined && now - Date.parse(terminated.finishedAt) < recent,
  );
  return Math.max(0, ...going.map(({ restartCount }) => restartCount));
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map((part) => Number.parseInt(part)));
  for (let place = 0; place < 2; place++) {
    const difference = (left?.[place] ?? 0) - (right?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
