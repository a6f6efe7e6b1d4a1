import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import { kubectl, kubectlJson } from '../../manifests/commands/cluster/kubectl.ts';
import { startCallers, statusLine, states } from './callers.ts';
import { ask, fixtures, namespace } from './deployed.ts';

const cluster = process.env['KUBECONFIG'] !== undefined;
if (!cluster) console.warn('skipped what replaces pods: set KUBECONFIG');

const Pods = v.looseObject({
  items: v.array(
    v.looseObject({
      metadata: v.looseObject({
        name: v.string(),
        deletionTimestamp: v.optional(v.string()),
        labels: v.optional(v.record(v.string(), v.string()), {}),
        ownerReferences: v.optional(v.array(v.looseObject({ name: v.string() })), []),
      }),
    }),
  ),
});
type Kind = { kind: string; pods: string[]; back: readonly string[] | undefined };

/** Every kind of pod here: its pods, and what `kubectl rollout status` is asked. Functions have none: the next request is what brings them back. */
async function kinds(): Promise<Kind[]> {
  const { items } = await kubectlJson(Pods, ['get', 'pods', '-n', namespace]);
  const found = new Map<string, Kind>();
  for (const { metadata } of items) {
    const { name, labels, ownerReferences, deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined) continue;
    const service = labels['serving.knative.dev/service'];
    const set = labels['statefulset.kubernetes.io/pod-name']?.replace(/-\d+$/, '');
    // Not from the pod's own name, which is cut where it is too long.
    const replicaSet = ownerReferences[0]?.name ?? name;
    const deployment = replicaSet.replace(`-${labels['pod-template-hash'] ?? ''}`, '');
    const kind = service ?? set ?? deployment;
    const back = service === undefined ? [set === undefined ? 'deployment' : 'statefulset', kind] : undefined;
    const before = found.get(kind);
    if (before) before.pods.push(name);
    else found.set(kind, { kind, pods: [name], back });
  }
  return [...found.values()];
}

describe.skipIf(!cluster)('faults, under load', () => {
  test(
    'each pod is replaced in turn: nothing accepted is lost, and nobody gets a wrong answer',
    { timeout: 1_500_000 },
    async () => {
      await ask('/v1/predictions', (await fixtures(1))[0], { prefer: 'wait=60' });
      const all = await kinds();
      const rows: string[] = [];
      const wrong: string[] = [];
      for (const { kind, pods, back } of all) {
        const callers = startCallers(4);
        const began = performance.now();
        await kubectl(['delete', 'pod', ...pods, '-n', namespace, '--ignore-not-found'], '', '0');
        if (back) {
          const [of = '', name = ''] = back;
          await kubectl(['rollout', 'status', `${of}/${name}`, '-n', namespace, '--timeout=240s'], '', '0');
        }
        const seconds = ((performance.now() - began) / 1000).toFixed(0);
        const [one] = await fixtures(1);
        expect((await ask('/v1/predictions', one, { prefer: 'wait=60' })).status).toBe(200);
        const tally = await callers.stop();
        const ended = await states(tally, 600_000);
        rows.push(
          `${kind.padEnd(48)} back after ${seconds.padStart(3)} s; answers ${statusLine(tally)}; accepted ${tally.accepted.length}: ${JSON.stringify(ended)}`,
        );
        wrong.push(...tally.wrong.map((text) => `${kind}: ${text}`));
        expect(tally.accepted.length, `${kind}: somebody was accepted meanwhile`).toBeGreaterThan(0);
        expect(ended).toEqual({ done: tally.accepted.length });
      }
      console.log(rows.join('\n'));
      expect(wrong).toEqual([]);
    },
  );

  test('a restart of RabbitMQ loses nothing that was accepted, and people go on being answered', async (context) => {
    const label = ['-n', namespace, '-l', 'app.kubernetes.io/name=rabbitmq'];
    const found = await kubectl(['get', 'pods', ...label, '-o', 'name']);
    if (found.trim() === '') return context.skip('RabbitMQ is not in this namespace');
    const accept = async (): Promise<string[]> => {
      const locations: string[] = [];
      for (const one of await fixtures(10)) {
        const { status, headers } = await ask('/v1/predictions', one, { prefer: 'respond-async' });
        expect(status).toBe(202);
        locations.push(headers.get('location') ?? '');
      }
      return locations;
    };
    const before = await accept();
    await kubectl(['delete', 'pods', ...label, '--wait=false']);
    const [fixture] = await fixtures(1);
    expect((await ask('/v1/predictions', fixture, { prefer: 'wait=60' })).status).toBe(200);
    const meanwhile = await accept();
    const accepted = [...before, ...meanwhile];
    const ended = await states({ accepted }, 280_000);
    console.log(`RabbitMQ restarted: ${JSON.stringify(ended)} of ${accepted.length} accepted requests`);
    expect(ended).toEqual({ done: 20 });
  });
});
