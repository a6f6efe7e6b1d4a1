import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';
import { ClusterFault, kubectl, kubectlJson } from '../cluster/kubectl.ts';
import { textAt, title } from '../yaml/bundle.ts';
import { abandoned, isHeld, release } from './finalizers.ts';
import { steps, topology } from './kinds.ts';
import { argument, list, served, type Live } from './live.ts';
import { belongsTo, phaseOf, type Installation } from './survey.ts';

/** What a namespace waits for when it ends. */
const watched = ['pods', 'persistentvolumeclaims', ...topology];
const everything = [...new Set([...steps.flatMap(({ resources }) => resources), ...watched])];

/** Milliseconds without any progress: until somebody is told what is waited for, and until it is given up. */
export type Patience = { told: number; givenUp: number };

/**
 * Takes down what `survey` found ours, step by step; with `keepData` all but the namespace, its claims and Secrets. `say` gets each step. What is
 * gone already is no fault, so that it may be called again after any end. Throws `ClusterFault`.
 */
export async function takeDown(
  { namespace, host, documents }: Installation,
  keepData: boolean,
  say: (line: string) => void,
  patience: Patience = { told: 10_000, givenUp: 300_000 },
): Promise<void> {
  const isOurs = belongsTo(documents);
  const known = await served(everything);
  const beside = known.filter((one) => watched.includes(one));
  if ((await phaseOf(namespace)) !== undefined)
    for (const { what, resources } of steps) {
      const kinds = known.filter((one) => resources.includes(one));
      const found = (await list(namespace, kinds)).filter(isOurs);
      if (found.length === 0) continue;
      say(`${what}: ${some(found.map(title))}`);
      const wanted = new Set(found.map(argument));
      // In the foreground: an object is there until what it made is gone.
      const how = ['--ignore-not-found', '--cascade=foreground', '--wait=false'];
      await kubectl(['delete', '-n', namespace, ...how, ...wanted]);
      await gone(namespace, what, say, patience, async () => {
        const now = await list(namespace, [...new Set([...kinds, ...beside])]);
        return {
          left: now.filter((one) => wanted.has(argument(one))).map(title),
          held: now.filter(isHeld),
        };
      });
    }
  await ofCluster(namespace, host, keepData, say);
  if (keepData || (await phaseOf(namespace)) === undefined) return;
  say(`namespace ${namespace}, with its volumes and Secrets`);
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  await gone(namespace, 'the namespace', say, patience, async () => {
    if ((await phaseOf(namespace)) === undefined) return { left: [], held: [] };
    const now = await list(namespace, beside);
    return { left: [`Namespace/${namespace}`, ...now.map(title)], held: now.filter(isHeld) };
  });
}

/** Titles of what is still there, and the objects among them and beside that the topology operator holds. */
type Rest = { left: readonly string[]; held: readonly Live[] };

/** The first of many names, and how many more there are. */
function some(names: readonly string[]): string {
  const more = names.length > 12 ? ` and ${names.length - 10} more` : '';
  return `${names.slice(0, more === '' ? 12 : 10).join(', ')}${more}`;
}

/** Waits until nothing is left. Lets go what only a RabbitMQ that is gone holds. */
async function gone(
  namespace: string,
  what: string,
  say: (line: string) => void,
  { told, givenUp }: Patience,
  look: () => Promise<Rest>,
): Promise<void> {
  let before = '';
  let since = performance.now();
  let said = since;
  for (;;) {
    const { left, held } = await look();
    if (left.length === 0) return;
    const all = some([...new Set([...left, ...held.map(title)])]);
    const now = performance.now();
    if (all !== before) [before, since] = [all, now];
    const idle = now - since;
    if (held.length > 0 && (await abandoned(namespace, idle > givenUp / 5))) {
      say(`  nobody takes these out of RabbitMQ any more, so they are let go: ${some(held.map(title))}`);
      await release(namespace, held);
    } else if (idle > givenUp)
      throw new ClusterFault(
        `${what}: no progress for ${Math.round(idle / 1000)} s, still there: ${all}. ${remedy(held)}, then run this again`,
      );
    if (now - said > told) {
      said = now;
      say(`  waiting for ${all}`);
    }
    await wait(500);
  }
}

const remedy = (held: readonly Live[]): string =>
  held.length > 0
    ? 'See kubectl -n rabbitmq-system logs deployment/messaging-topology-operator. If that RabbitMQ is gone for good, delete Secret rabbitmq'
    : 'See kubectl describe; the controllers of Knative must be running';

const Claims = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({ name: v.string() }),
      spec: v.looseObject({ namespace: v.string() }),
    }),
  ),
});
const policy = 'kickoff-restricted';
const binding = `validatingadmissionpolicybindings.admissionregistration.k8s.io`;

/** What is ours and in no namespace. Another installation's stays: its claims, and the policy while its binding is there. */
async function ofCluster(
  namespace: string,
  host: string,
  keepData: boolean,
  say: (line: string) => void,
): Promise<void> {
  const remove = async (resource: string, name: string): Promise<void> => {
    const text = await kubectl(['delete', resource, name, '--ignore-not-found', '--wait=false']);
    if (text.trim() !== '') say(text.trim());
  };
  const claim = 'clusterdomainclaims.networking.internal.knative.dev';
  if ((await served([claim])).length > 0)
    for (const { metadata, spec } of (await kubectlJson(Claims, ['get', claim])).items)
      // In a namespace that goes, nobody else has a domain.
      if (spec.namespace === namespace && (!keepData || metadata.name === host))
        await remove(claim, metadata.name);
  const bound = await kubectl(['get', binding, policy, '--ignore-not-found', '-o', 'json']);
  const labels = [
    'spec',
    'matchResources',
    'namespaceSelector',
    'matchLabels',
    'kubernetes.io/metadata.name',
  ];
  const of = bound.trim() === '' ? undefined : textAt(JSON.parse(bound), ...labels);
  if (of !== undefined && of !== namespace) return;
  await remove(binding, policy);
  await remove('validatingadmissionpolicies.admissionregistration.k8s.io', policy);
}
