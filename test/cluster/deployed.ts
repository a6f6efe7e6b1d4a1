import path from 'node:path';
import { expect } from 'vitest';
import * as v from 'valibot';
import { requestedType } from '../../functions/shared/events/events.ts';
import { kubectl, kubectlJson } from '../../manifests/commands/cluster/kubectl.ts';
import { readParams } from '../../manifests/commands/yaml/params.ts';
import { until } from '../until.ts';

/** Where the installation answers, from `INGRESS_URL`. */
export const ingressUrl = process.env['INGRESS_URL'] ?? '';
if (!URL.canParse(ingressUrl))
  throw new Error('INGRESS_URL must be the address of ingress, such as https://predictions.example.org');
export const { namespace } = readParams(path.resolve(import.meta.dirname, '../..'));

const Teams = v.looseObject({ teams: v.array(v.looseObject({ name: v.string() })) });
const Result = v.looseObject({ status: v.string() });

export type Answer = { status: number; headers: Headers; body: unknown; ms: number };

export async function ask(
  route: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const began = performance.now();
  const response = await fetch(new URL(route, ingressUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: JSON.parse(text),
    ms: performance.now() - began,
  };
}

let pairs: { home: string; away: string }[] = [];
let next = 0;

/** Fixtures of teams that the model knows, from a random place on, so that none meets another's cache. */
export async function fixtures(count: number): Promise<{ home: string; away: string }[]> {
  if (pairs.length === 0) {
    const { teams } = v.parse(Teams, (await ask('/v1/teams?q=a')).body);
    pairs = teams.flatMap((home) =>
      teams.filter((away) => away !== home).map((away) => ({ home: home.name, away: away.name })),
    );
    expect(pairs.length).toBeGreaterThan(0);
    next = Math.floor(Math.random() * pairs.length);
  }
  return Array.from({ length: count }, () => pairs[next++ % pairs.length] ?? { home: '', away: '' });
}

/** The final state of an asynchronous request, within `deadline` ms. */
export async function final(location: string, deadline = 120_000): Promise<string> {
  let state = 'queued';
  const ended = async (): Promise<boolean> => {
    const { status, body } = await ask(location);
    // nginx has a rate for each address, and asks to come again.
    if (status !== 429) state = v.parse(Result, body).status;
    return state !== 'queued';
  };
  await until(ended, {
    deadline,
    every: 1000,
    what: `${location} is done`,
  });
  return state;
}

const Ref = v.looseObject({ ref: v.looseObject({ name: v.string() }) });
const Named = v.looseObject({
  metadata: v.looseObject({ name: v.string(), labels: v.optional(v.record(v.string(), v.string()), {}) }),
});
const list = <S extends v.GenericSchema>(one: S) => v.looseObject({ items: v.array(one) });
const Trigger = v.looseObject({
  ...Named.entries,
  spec: v.looseObject({
    broker: v.string(),
    filter: v.optional(v.looseObject({ attributes: v.record(v.string(), v.string()) })),
    subscriber: v.looseObject({ ...Ref.entries, uri: v.optional(v.string()) }),
    delivery: v.looseObject({ deadLetterSink: v.unknown() }),
  }),
});

/** What the installation is called, read from the cluster: its functions, the public one, the one that predicts, its Broker. */
export async function names(): Promise<{
  functions: string[];
  ingress: string;
  predict: string;
  broker: string;
  deadLetterSink: unknown;
}> {
  const services = await kubectlJson(list(Named), [
    ...['get', 'services.serving.knative.dev', '-n', namespace, '-l', 'app.kubernetes.io/part-of=kickoff'],
  ]);
  const triggers = await kubectlJson(list(Trigger), [
    'get',
    'triggers.eventing.knative.dev',
    '-n',
    namespace,
  ]);
  const ofRequests = triggers.items.find(({ spec }) => spec.filter?.attributes['type'] === requestedType);
  const open = services.items.filter(
    ({ metadata }) => metadata.labels['networking.knative.dev/visibility'] !== 'cluster-local',
  );
  const [ingress] = open;
  if (!ofRequests || !ingress || open.length > 1)
    throw new Error(`in ${namespace}: ${open.length} public functions, ${triggers.items.length} Triggers`);
  return {
    functions: services.items.map(({ metadata }) => metadata.name),
    ingress: ingress.metadata.name,
    predict: ofRequests.spec.subscriber.ref.name,
    broker: ofRequests.spec.broker,
    deadLetterSink: ofRequests.spec.delivery.deadLetterSink,
  };
}

/** How many pods each function has. */
export async function pods(functions: readonly string[]): Promise<Record<string, number>> {
  const { items } = await kubectlJson(list(Named), [
    ...['get', 'pods', '-n', namespace, '-l', 'serving.knative.dev/service'],
  ]);
  return Object.fromEntries(
    functions.map((name) => [
      name,
      items.filter(({ metadata }) => metadata.labels['serving.knative.dev/service'] === name).length,
    ]),
  );
}

const Nodes = list(Named);
const Summary = v.looseObject({
  pods: v.array(
    v.looseObject({
      podRef: v.looseObject({ name: v.string(), namespace: v.string() }),
      cpu: v.optional(v.looseObject({ usageNanoCores: v.optional(v.number(), 0) }), {}),
      memory: v.optional(v.looseObject({ workingSetBytes: v.optional(v.number(), 0) }), {}),
    }),
  ),
});

/** What the pods of the namespace take now, as their kubelets say: MiB of the working set, and cores. */
export async function usage(): Promise<{ name: string; mebibytes: number; cores: number }[]> {
  const { items } = await kubectlJson(Nodes, ['get', 'nodes']);
  const all = await Promise.all(
    items.map(async ({ metadata }) => {
      const text = await kubectl(['get', '--raw', `/api/v1/nodes/${metadata.name}/proxy/stats/summary`]);
      return v.parse(Summary, JSON.parse(text)).pods;
    }),
  );
  return all
    .flat()
    .filter(({ podRef }) => podRef.namespace === namespace)
    .map(({ podRef, cpu, memory }) => ({
      name: podRef.name,
      mebibytes: memory.workingSetBytes / 2 ** 20,
      cores: cpu.usageNanoCores / 1e9,
    }))
    .toSorted((a, b) => b.mebibytes - a.mebibytes);
}
