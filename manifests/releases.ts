import path from 'node:path';
import * as v from 'valibot';
import { ClusterFault, command, kubectl, kubectlJson } from './cluster.ts';
import { readParams } from './params.ts';

const Condition = v.looseObject({ type: v.string(), status: v.string() });

const Revision = v.looseObject({
  metadata: v.looseObject({
    name: v.string(),
    creationTimestamp: v.string(),
    labels: v.looseObject({ 'serving.knative.dev/service': v.optional(v.string(), '') }),
  }),
  status: v.optional(
    v.looseObject({
      conditions: v.optional(v.array(Condition), []),
      containerStatuses: v.optional(v.array(v.looseObject({ imageDigest: v.optional(v.string()) })), []),
    }),
    {},
  ),
});

const Target = v.looseObject({
  revisionName: v.optional(v.string()),
  latestRevision: v.optional(v.boolean()),
  percent: v.optional(v.number(), 0),
  tag: v.optional(v.string()),
});

const Service = v.looseObject({
  metadata: v.looseObject({ name: v.string(), resourceVersion: v.string() }),
  spec: v.looseObject({ traffic: v.optional(v.array(Target), []) }),
  status: v.optional(v.looseObject({ traffic: v.optional(v.array(Target), []) }), { traffic: [] }),
});

type Release = { name: string; created: string; ready: boolean; percent: number; image: string };

/** The revisions of a function, newest first, with the traffic that each gets now. */
export async function releases(namespace: string, name: string): Promise<Release[]> {
  const inNamespace = ['-n', namespace];
  const service = await kubectlJson(Service, ['get', 'services.serving.knative.dev', name, ...inNamespace]);
  const { items } = await kubectlJson(v.looseObject({ items: v.array(Revision) }), [
    ...['get', 'revisions.serving.knative.dev', ...inNamespace],
    ...['-l', `serving.knative.dev/service=${name}`],
  ]);
  return items
    .map(({ metadata, status }) => ({
      name: metadata.name,
      created: metadata.creationTimestamp,
      ready: status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      percent: service.status.traffic
        .filter(({ revisionName }) => revisionName === metadata.name)
        .reduce((sum, { percent }) => sum + percent, 0),
      image: status.containerStatuses[0]?.imageDigest ?? '',
    }))
    .sort(
      (a, b) => b.created.localeCompare(a.created) || b.name.localeCompare(a.name, 'en', { numeric: true }),
    );
}

/**
 * Sends all traffic of a function to an earlier revision: the named one, or the last ready one before that which has the traffic now.
 * Returns the lines to show, with how to undo it. `latest` goes back to following new revisions.
 */
export async function rollback(namespace: string, name: string, to?: string): Promise<string[]> {
  const known = await releases(namespace, name);
  const current = known.findIndex(({ percent }) => percent > 0);
  const undo = `npm run rollback -- ${name} latest`;
  if (to === 'latest') {
    await setTraffic(namespace, name, { latestRevision: true, percent: 100 });
    return [`${name} follows its newest revision again: ${known[0]?.name ?? 'none'}`];
  }
  const target =
    to === undefined
      ? known.slice(current + 1).find(({ ready }) => ready)
      : known.find((release) => release.name === to);
  if (!target)
    throw new ClusterFault(
      to === undefined
        ? `${name} has no ready revision before ${known[current]?.name ?? 'the current one'}`
        : `${name} has no revision ${to}; it has: ${known.map(({ name }) => name).join(', ')}`,
    );
  if (!target.ready) throw new ClusterFault(`${target.name} is not ready: it would answer nothing`);
  if (target.percent === 100) return [`${target.name} has all traffic already`];
  await setTraffic(namespace, name, { revisionName: target.name, percent: 100 });
  return [
    `${name}: all traffic to ${target.name}, was ${known[current]?.name ?? 'none'}`,
    `Until you undo it, new deployments of ${name} get no traffic. Undo: ${undo}`,
  ];
}

/** Tagged targets stay, at 0 %; the version that was read is tested, so that no change in between is overwritten. */
async function setTraffic(namespace: string, name: string, target: object): Promise<void> {
  const resource = ['services.serving.knative.dev', name, '-n', namespace];
  const service = await kubectlJson(Service, ['get', ...resource]);
  const tagged = service.spec.traffic
    .filter(({ tag }) => tag !== undefined)
    .map((one) => ({ ...one, percent: 0 }));
  const patch = [
    { op: 'test', path: '/metadata/resourceVersion', value: service.metadata.resourceVersion },
    { op: 'add', path: '/spec/traffic', value: [target, ...tagged] },
  ];
  await kubectl(['patch', ...resource, '--type=json', '-p', JSON.stringify(patch)]);
}

async function main(): Promise<number> {
  const { namespace } = readParams(path.resolve(import.meta.dirname, '..'));
  const [what, name, to] = process.argv.slice(2);
  if (what === 'rollback' && name !== undefined) {
    for (const line of await rollback(namespace, name, to)) console.log(line);
    return 0;
  }
  if (what !== 'list')
    throw new ClusterFault(
      'npm run releases [-- function] | npm run rollback -- function [revision | latest]',
    );
  const { items } = await kubectlJson(v.looseObject({ items: v.array(Service) }), [
    ...['get', 'services.serving.knative.dev', '-n', namespace],
  ]);
  for (const service of items.filter(({ metadata }) => name === undefined || metadata.name === name))
    for (const release of await releases(namespace, service.metadata.name)) {
      const traffic = release.percent > 0 ? `${release.percent} %` : '';
      const state = release.ready ? '' : 'not ready';
      console.log(
        [release.name.padEnd(24), traffic.padStart(5), release.created, state.padEnd(9), release.image]
          .join('  ')
          .trimEnd(),
      );
    }
  return 0;
}

if (import.meta.main) await command(main);
