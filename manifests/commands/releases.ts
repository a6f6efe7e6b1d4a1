import path from 'node:path';
import * as v from 'valibot';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { ClusterFault, kubectl, kubectlJson } from './cluster/kubectl.ts';
import { readParams } from './yaml/params.ts';

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
 * Sends all traffic of a function to an earlier revision: the named one, or the last ready one before the one with the traffic now. Returns the
 * lines to show, with how to undo it. `latest` goes back to following new revisions.
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

/** Tagged targets stay, at 0 %. The version that was read is tested: a change in between is not overwritten. */
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

const help = `npm run releases [-- FUNCTION] [--json]
npm run rollback -- FUNCTION [REVISION | latest]

Lists the revisions of the functions, newest first, with the traffic that each gets; sends all traffic to an earlier one (default: the last ready
one before that which has it now), or with latest to the newest again.

  --json   the revisions as JSON

Exit code: 0 done, 1 it cannot be done, or the cluster cannot be asked, 2 wrong usage.`;

async function list(
  namespace: string,
  name: string | undefined,
): Promise<(Release & { function: string })[]> {
  const { items } = await kubectlJson(v.looseObject({ items: v.array(Service) }), [
    ...['get', 'services.serving.knative.dev', '-n', namespace],
  ]);
  const names = items
    .map(({ metadata }) => metadata.name)
    .filter((one) => name === undefined || one === name);
  if (name !== undefined && names.length === 0)
    throw new ClusterFault(
      `there is no function ${name}; there is ${items.map(({ metadata }) => metadata.name).join(', ')}`,
    );
  const all = await Promise.all(names.map((one) => releases(namespace, one)));
  return all.flatMap((some, place) => some.map((one) => ({ function: names[place] ?? '', ...one })));
}

function row({ name, percent, created, ready, image }: Release): string {
  const traffic = percent > 0 ? `${percent} %` : '';
  const cells = [name.padEnd(24), traffic.padStart(5), created, (ready ? '' : 'not ready').padEnd(9), image];
  return cells.join('  ').trimEnd();
}

if (import.meta.main) {
  const command = ofProcess();
  const frame = { help, options: { json: { type: 'boolean' } }, words: 3 } as const;
  process.exitCode = await runCommand(
    command,
    frame,
    async ({ values, positionals: [what, name, to] }): Promise<Exit> => {
      const { namespace } = readParams(path.resolve(import.meta.dirname, '../..'));
      if (what === 'rollback') {
        if (name === undefined) throw new Refusal('rollback takes a FUNCTION\n(see --help)');
        for (const line of await rollback(namespace, name, to)) command.print(line);
        return 0;
      }
      const found = await list(namespace, name);
      if (values.json) command.print(JSON.stringify(found));
      else for (const one of found) command.print(row(one));
      return 0;
    },
  );
}
