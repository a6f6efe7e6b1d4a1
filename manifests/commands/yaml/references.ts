import { connectionKeys, type KnownSecrets } from '../secrets/plan.ts';
import { at, listAt, podSpec, textAt, title, type Document } from './bundle.ts';

/** A name that one object uses of another; `key` or `port` in it if given. */
type Reference = { from: string; kind: string; name: string; key?: string; port?: number };

/** References of a bundle to what neither it nor `secrets` has, one line each. `functions`: the existing Knative Services. */
export function danglingReferences(
  documents: readonly Document[],
  secrets: KnownSecrets,
  functions: readonly string[],
): string[] {
  const dangling = [...referencesOf(documents)].filter(
    (reference) => !resolves(reference, documents, secrets, functions),
  );
  return [
    ...dangling.map(
      ({ from, kind, name, key, port }) =>
        `${from}: ${kind} ${name}${key === undefined ? '' : ` has no key ${key}`}${port === undefined ? '' : ` has no port ${port}`}${key === undefined && port === undefined ? ' does not exist' : ' or does not exist'}`,
    ),
    ...selectorFaults(documents),
  ];
}

function resolves(
  { kind, name, key, port }: Reference,
  documents: readonly Document[],
  secrets: KnownSecrets,
  functions: readonly string[],
): boolean {
  if (kind === 'Secret')
    return secrets[name] !== undefined && (key === undefined || secrets[name].includes(key));
  if (kind === 'Function') return functions.includes(name);
  const found = documents.find((document) =>
    kind === 'RabbitMQ queue' || kind === 'RabbitMQ exchange'
      ? document.kind === (kind.endsWith('queue') ? 'Queue' : 'Exchange') &&
        textAt(document, 'spec', 'name') === name
      : document.kind === kind && document.metadata.name === name,
  );
  if (!found) return false;
  if (key !== undefined) return textAt(found, 'data', key) !== undefined;
  return (
    port === undefined || listAt(found, 'spec', 'ports').some((candidate) => at(candidate, 'port') === port)
  );
}

function* referencesOf(documents: readonly Document[]): Generator<Reference> {
  for (const document of documents) {
    const from = title(document);
    yield* ofPod(podSpec(document), from);
    yield* ofWiring(document, from);
    yield* ofUrls(document, from);
  }
}

function* ofPod(spec: unknown, from: string): Generator<Reference> {
  for (const container of [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]) {
    for (const variable of listAt(container, 'env')) {
      yield* keyed(at(variable, 'valueFrom', 'secretKeyRef'), 'Secret', from);
      yield* keyed(at(variable, 'valueFrom', 'configMapKeyRef'), 'ConfigMap', from);
    }
    for (const source of listAt(container, 'envFrom')) {
      yield* keyed(at(source, 'secretRef'), 'Secret', from);
      yield* keyed(at(source, 'configMapRef'), 'ConfigMap', from);
    }
  }
  for (const volume of listAt(spec, 'volumes')) {
    yield* keyed(at(volume, 'configMap'), 'ConfigMap', from);
    const secret = textAt(volume, 'secret', 'secretName');
    if (secret !== undefined) yield { from, kind: 'Secret', name: secret };
  }
}

function* keyed(ref: unknown, kind: string, from: string): Generator<Reference> {
  const name = textAt(ref, 'name');
  const key = textAt(ref, 'key');
  if (name !== undefined) yield { from, kind, name, ...(key === undefined ? {} : { key }) };
}

/** Destinations, Brokers, connection Secrets and queues, anywhere in a document. */
function* ofWiring(document: Document, from: string): Generator<Reference> {
  const spec = document['spec'];
  for (const place of [['sink'], ['subscriber'], ['delivery', 'deadLetterSink'], []]) {
    const ref = at(spec, ...place, 'ref');
    const name = textAt(ref, 'name');
    const ofKnative = textAt(ref, 'apiVersion')?.startsWith('serving.knative.dev/') === true;
    if (name !== undefined) yield { from, kind: ofKnative ? 'Function' : String(at(ref, 'kind')), name };
  }
  const broker = textAt(spec, 'broker');
  if (broker !== undefined) yield { from, kind: 'Broker', name: broker };
  const config = textAt(spec, 'config', 'name');
  if (config !== undefined) yield { from, kind: String(at(spec, 'config', 'kind')), name: config };
  const connection = textAt(spec, 'rabbitmqClusterReference', 'connectionSecret', 'name');
  if (connection !== undefined)
    for (const key of connectionKeys) yield { from, kind: 'Secret', name: connection, key };
  const imported = textAt(spec, 'importCredentialsSecret', 'name');
  if (imported !== undefined)
    for (const key of ['username', 'password']) yield { from, kind: 'Secret', name: imported, key };
  const user = textAt(spec, 'userReference', 'name');
  if (user !== undefined) yield { from, kind: 'User', name: user };
  const external = textAt(spec, 'secretBackend', 'externalSecret', 'name');
  if (external !== undefined) yield { from, kind: 'Secret', name: external, key: 'default_user.conf' };
  const queue = textAt(spec, 'rabbitmqResourcesConfig', 'queueName');
  if (queue !== undefined) yield { from, kind: 'RabbitMQ queue', name: queue };
  const exchange = textAt(spec, 'rabbitmqResourcesConfig', 'exchangeName');
  if (exchange !== undefined) yield { from, kind: 'RabbitMQ exchange', name: exchange };
  for (const place of [
    ['arguments', 'x-dead-letter-exchange'],
    ['definition', 'alternate-exchange'],
    ['permissions', 'exchange'],
  ]) {
    const named = textAt(spec, ...place);
    if (named !== undefined) yield { from, kind: 'RabbitMQ exchange', name: named };
  }
  if (document.kind === 'Binding') {
    yield { from, kind: 'RabbitMQ exchange', name: String(at(spec, 'source')) };
    yield {
      from,
      kind: `RabbitMQ ${String(at(spec, 'destinationType'))}`,
      name: String(at(spec, 'destination')),
    };
  }
}

const clusterUrl = /(?<!@)\bhttps?:\/\/([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?(?::(\d+))?/g;

/** Every URL of a cluster name, in any text: a Service with that port, a Broker's ingress, or a function. */
function* ofUrls(document: Document, from: string): Generator<Reference> {
  for (const [, name = '', , port] of JSON.stringify(document['spec'] ?? {}).matchAll(clusterUrl)) {
    const broker = /^(.+)-broker-ingress$/.exec(name)?.[1];
    if (broker !== undefined) yield { from, kind: 'Broker', name: broker };
    else if (port === undefined) yield { from, kind: 'Function', name };
    else yield { from, kind: 'Service', name, port: Number(port) };
  }
}

/** Services that select no pod of the bundle, or a port that those pods do not have. */
function selectorFaults(documents: readonly Document[]): string[] {
  return documents
    .filter(({ kind, apiVersion }) => kind === 'Service' && apiVersion === 'v1')
    .flatMap((service) => {
      const selector = at(service, 'spec', 'selector') as Record<string, string> | undefined;
      if (!selector || service.metadata.namespace === 'kourier-system') return [];
      const workload = documents.find((document) => {
        const labels = at(document, 'spec', 'template', 'metadata', 'labels');
        return Object.entries(selector).every(([key, value]) => at(labels, key) === value);
      });
      if (!workload) return [`${title(service)}: selects no pod`];
      const ports = listAt(podSpec(workload), 'containers').flatMap((container) =>
        listAt(container, 'ports'),
      );
      return listAt(service, 'spec', 'ports')
        .map((port) => at(port, 'targetPort'))
        .filter(
          (target) =>
            !ports.some((port) => at(port, 'name') === target || at(port, 'containerPort') === target),
        )
        .map((target) => `${title(service)}: ${title(workload)} has no port ${String(target)}`);
    });
}
