import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';
import { type Exit, ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { at, build, title, type Document } from './yaml/bundle.ts';
import { ClusterFault, kubectl } from './cluster/kubectl.ts';
import { openManagement, queueLengths, type Management } from './cluster/management.ts';
import { readParams } from './yaml/params.ts';

/** The kinds whose specs Knative does not let change, each with the part that it compares and what its deletion takes along. */
const immutable: Readonly<Record<string, { part: string[]; resource: string; takes: string }>> = {
  RabbitmqSource: {
    part: ['spec'],
    resource: 'rabbitmqsources.sources.knative.dev',
    takes: 'nothing: events wait in queue ml',
  },
  Trigger: {
    part: ['spec', 'filter'],
    resource: 'triggers.eventing.knative.dev',
    takes: 'its queue, which is emptied first',
  },
  Broker: {
    part: ['spec'],
    resource: 'brokers.eventing.knative.dev',
    takes: 'the queues of all its Triggers, which are emptied first',
  },
  RabbitmqBrokerConfig: {
    part: ['spec'],
    resource: 'rabbitmqbrokerconfigs.eventing.knative.dev',
    takes: 'its Broker',
  },
};

/** Whether `live` holds what `wanted` says; the API adds defaults to it. */
function holds(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted) || typeof wanted !== 'object' || wanted === null)
    return isDeepStrictEqual(live, wanted);
  return Object.entries(wanted).every(([key, value]) => holds(at(live, key), value));
}

function differs(live: unknown, wanted: Document): boolean {
  const { part } = immutable[wanted.kind] ?? { part: [] };
  const [is, shall] = [at(live, ...part), at(wanted, ...part)];
  return wanted.kind === 'Trigger' ? !isDeepStrictEqual(is, shall) : !holds(is, shall);
}

/**
 * Deletes and makes anew what differs between the cluster and `documents` and cannot be changed there. If queues go with an object, the source is
 * deleted first, so that events wait in queue `ml`. Then it waits until the queues are empty. What was deleted is made again in any case. `say`
 * gets each step. Throws `ClusterFault`.
 */
export async function replaceImmutable(
  documents: readonly Document[],
  namespace: string,
  say: (line: string) => void,
  deadlineMs = 300_000,
): Promise<void> {
  const wiring = documents.filter(({ kind }) => immutable[kind] !== undefined);
  const changed: Document[] = [];
  for (const document of wiring) {
    const live = await liveOf(document, namespace);
    if (live !== undefined && differs(live, document)) changed.push(document);
  }
  for (const document of changed)
    say(
      `${title(document)} differs and cannot be changed. With it goes ${immutable[document.kind]?.takes ?? ''}.`,
    );
  if (changed.length === 0) {
    say('nothing to replace: what cannot be changed is as the files say');
    return;
  }
  const ofBroker = changed.some(({ kind }) => kind === 'Broker' || kind === 'RabbitmqBrokerConfig');
  const sources = wiring.filter(({ kind }) => kind === 'RabbitmqSource');
  const others = ofBroker
    ? ['Trigger', 'Broker', 'RabbitmqBrokerConfig'].flatMap((kind) =>
        wiring.filter((one) => one.kind === kind),
      )
    : changed.filter(({ kind }) => kind !== 'RabbitmqSource');
  const management = others.length > 0 ? await openManagement(namespace) : undefined;
  const gone: Document[] = [];
  try {
    await remove(sources, namespace, gone, say);
    if (management) {
      say('nothing new comes to the Broker; waiting until its queues are empty');
      await emptied(management, namespace, deadlineMs);
    }
    await remove(others, namespace, gone, say);
  } finally {
    management?.close();
    await apply(gone.reverse(), say);
  }
}

async function liveOf({ kind, metadata }: Document, namespace: string): Promise<unknown> {
  const resource = immutable[kind]?.resource ?? kind;
  const text = await kubectl([
    ...['get', resource, metadata.name, '-n', namespace],
    ...['--ignore-not-found', '-o', 'json'],
  ]);
  return text.trim() === '' ? undefined : v.parse(v.looseObject({ spec: v.unknown() }), JSON.parse(text));
}

async function remove(
  documents: readonly Document[],
  namespace: string,
  gone: Document[],
  say: (line: string) => void,
): Promise<void> {
  for (const document of documents) {
    const { kind, metadata } = document;
    const resource = immutable[kind]?.resource ?? kind;
    // In the foreground: a Trigger's queue is made anew under the same name, and must not be deleted after that.
    const how = ['--ignore-not-found', '--cascade=foreground', '--timeout=180s'];
    const args = ['delete', resource, metadata.name, '-n', namespace, ...how];
    say((await kubectl(args, undefined, '0')).trim());
    gone.push(document);
  }
}

async function apply(documents: readonly Document[], say: (line: string) => void): Promise<void> {
  const text = documents.map((document) => JSON.stringify(document)).join('\n');
  say((await kubectl(['apply', '--server-side', '-f', '-'], text)).trim());
}

/** Waits until no queue of the namespace's Brokers has had a message for longer than two counts of RabbitMQ (one each 5 s). */
async function emptied(management: Management, namespace: string, deadlineMs: number): Promise<void> {
  const ofBroker = new RegExp(`^(?:[tb]\\.)?${namespace}\\.`);
  const end = performance.now() + deadlineMs;
  let since: number | undefined;
  for (;;) {
    const full = [...(await queueLengths(management))].filter(
      ([name, count]) => ofBroker.test(name) && count !== 0,
    );
    since = full.length > 0 ? undefined : (since ?? performance.now());
    if (since !== undefined && performance.now() - since > 11_000) return;
    if (performance.now() > end)
      throw new ClusterFault(
        `nothing was replaced; after ${deadlineMs / 1000} s messages are left: ${full.map(([name, count]) => `${name} ${count ?? 'not counted'}`).join(', ')}. See why they are not delivered: kubectl -n ${namespace} get trigger`,
      );
    await wait(1000);
  }
}

const help = `npm run replace

Replaces the objects whose specs Knative does not let change, where they differ from the overlay, after their queues are empty.

Exit code: 0 replaced or nothing differs, 1 something was not, or the cluster cannot be asked, 2 wrong usage.`;

if (import.meta.main) {
  const command = ofProcess();
  process.exitCode = await runCommand(command, { help, options: {} }, async (): Promise<Exit> => {
    const root = path.resolve(import.meta.dirname, '../..');
    const { namespace } = readParams(root);
    // The wiring is the same in every overlay.
    const documents = build(['kubectl', 'kustomize'], path.join(root, 'manifests/overlays/single-node'));
    await replaceImmutable(documents, namespace, command.print);
    return 0;
  });
}
