import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Cron } from 'croner';
import { brokerUrl, serviceUrl } from './address.ts';
import { ManifestError, parseManifest, readManifests, type Fault, type Manifest } from '../manifest.ts';
import { manifests, type Kind, type Parsed } from './schemas.ts';
import type { DeliverySpec, Wiring } from './wiring.ts';

/** The namespace of objects that name none: the kustomization sets it in the cluster. */
export const defaultNamespace = 'kickoff';

type Object<K extends Kind> = { manifest: Manifest; value: Parsed<K> };

/**
 * Reads the wiring from the YAML files of a folder. `functions` names the existing functions. Throws ManifestError with every place where the
 * local platform would differ from the cluster.
 */
export function readWiring(folder: string, functions: readonly string[]): Wiring {
  const read = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .sort()
    .map((file) => readManifests(path.join(folder, file), path.dirname(folder)));
  const all = read.flatMap(({ manifests }) => manifests);
  const results = all.map(parseAny);
  const faults: Fault[] = [...read, ...results].flatMap((each) => each.faults);
  if (faults.length > 0) throw new ManifestError(faults);
  const parsed = results.map(({ output }) => output);

  function of<K extends Kind>(kind: K): Object<K>[] {
    return all.flatMap((manifest, index) => {
      const value = parsed[index];
      return value?.kind === kind ? [{ manifest, value: value }] : [];
    });
  }
  const fault = (manifest: Manifest, at: string, text: string) => {
    faults.push({ file: manifest.file, line: manifest.line(at.split('.')), message: `${at}: ${text}` });
  };

  const namespace = defaultNamespace;
  for (const { manifest, value } of [
    ...of('Trigger'),
    ...of('Broker'),
    ...of('RabbitmqSource'),
    ...of('PingSource'),
  ]) {
    const named = value.metadata.namespace;
    if (named !== undefined && named !== namespace) {
      fault(manifest, 'metadata.namespace', `the local platform has one namespace, ${namespace}`);
    }
  }
  const brokers = of('Broker');
  const configs = of('RabbitmqBrokerConfig');
  const topology = topologyOf(of('Exchange'), of('Queue'), of('Binding'));

  function service(
    manifest: Manifest,
    at: string,
    { ref, uri }: Parsed<'Trigger'>['spec']['subscriber'],
  ): string {
    if (ref.namespace !== undefined && ref.namespace !== namespace) {
      fault(manifest, `${at}.ref.namespace`, `the local platform has one namespace, ${namespace}`);
    }
    if (!functions.includes(ref.name)) {
      fault(
        manifest,
        `${at}.ref.name`,
        `there is no function ${ref.name} (there are ${functions.join(', ')})`,
      );
    }
    return serviceUrl(namespace, ref.name, uri);
  }
  function sink(manifest: Manifest, { ref }: Parsed<'PingSource'>['spec']['sink']): string {
    if (!brokers.some(({ value }) => value.metadata.name === ref.name)) {
      fault(manifest, 'spec.sink.ref.name', `there is no Broker ${ref.name}`);
    }
    return brokerUrl(namespace, ref.name);
  }
  function delivery(manifest: Manifest, spec: Parsed<'Trigger'>['spec']['delivery']): DeliverySpec {
    return {
      ...retryOf(spec),
      timeoutMs: spec.timeout,
      deadLetterSink: service(manifest, 'spec.delivery.deadLetterSink', spec.deadLetterSink),
    };
  }

  const wiring: Wiring = {
    namespace,
    topology,
    alternates: of('Policy').map(({ manifest, value: { spec } }) => {
      const exchange = spec.definition['alternate-exchange'];
      if (!topology.exchanges.some(({ name }) => name === exchange)) {
        fault(manifest, 'spec.definition.alternate-exchange', `there is no Exchange ${exchange}`);
      }
      return { pattern: new RegExp(spec.pattern), exchange };
    }),
    brokers: brokers.map(({ manifest, value: { metadata, spec } }) => {
      const config = configs.find(({ value }) => value.metadata.name === spec.config.name);
      if (!config)
        fault(manifest, 'spec.config.name', `there is no RabbitmqBrokerConfig ${spec.config.name}`);
      return {
        name: metadata.name,
        queueType: config?.value.spec.queueType ?? 'quorum',
        delivery: delivery(manifest, spec.delivery),
      };
    }),
    triggers: of('Trigger').map(({ manifest, value: { metadata, spec } }) => {
      if (!brokers.some(({ value }) => value.metadata.name === spec.broker)) {
        fault(manifest, 'spec.broker', `there is no Broker ${spec.broker}`);
      }
      if (!metadata.annotations) {
        fault(
          manifest,
          'metadata',
          'annotation rabbitmq.eventing.knative.dev/parallelism is missing: the function would get one event at a time',
        );
      }
      return {
        name: metadata.name,
        broker: spec.broker,
        filter: spec.filter?.attributes ?? {},
        subscriber: service(manifest, 'spec.subscriber', spec.subscriber),
        parallelism: metadata.annotations?.['rabbitmq.eventing.knative.dev/parallelism'] ?? 1,
        delivery: delivery(manifest, spec.delivery),
      };
    }),
    sources: of('RabbitmqSource').map(({ manifest, value: { metadata, spec } }) => {
      const { queueName, parallelism } = spec.rabbitmqResourcesConfig;
      if (!topology.queues.some(({ name }) => name === queueName)) {
        fault(manifest, 'spec.rabbitmqResourcesConfig.queueName', `there is no Queue ${queueName}`);
      }
      return {
        name: metadata.name,
        queue: queueName,
        parallelism,
        delivery: retryOf(spec.delivery),
        sink: sink(manifest, spec.sink),
      };
    }),
    pings: of('PingSource').map(({ manifest, value: { metadata, spec } }) => {
      try {
        new Cron(spec.schedule, { mode: '5-part', timezone: spec.timezone ?? 'UTC', paused: true });
      } catch (error) {
        fault(manifest, 'spec.schedule', (error as Error).message);
      }
      return { name: metadata.name, ...spec, sink: sink(manifest, spec.sink) };
    }),
  };
  if (faults.length > 0) throw new ManifestError(faults);
  return wiring;
}

function parseAny(manifest: Manifest): { output?: Parsed<Kind>; faults: Fault[] } {
  const { file, value } = manifest;
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  if (typeof kind === 'string' && Object.hasOwn(manifests, kind)) {
    return parseManifest(manifests[kind as Kind], manifest);
  }
  const known = Object.keys(manifests).join(', ');
  const message = `kind: the local platform does not know kind ${String(kind)} (it knows ${known})`;
  return { faults: [{ file, line: manifest.line(['kind']), message }] };
}

function retryOf({ retry, backoffPolicy, backoffDelay }: Parsed<'RabbitmqSource'>['spec']['delivery']) {
  return { retry, backoffPolicy, backoffDelayMs: backoffDelay };
}

function topologyOf(
  exchanges: Object<'Exchange'>[],
  queues: Object<'Queue'>[],
  bindings: Object<'Binding'>[],
): Wiring['topology'] {
  return {
    exchanges: exchanges.map(({ value: { spec } }) => ({ name: spec.name, type: spec.type })),
    queues: queues.map(({ value: { spec } }) => ({
      name: spec.name,
      arguments: { 'x-queue-type': spec.type, ...spec.arguments },
    })),
    bindings: bindings.map(({ value: { spec } }) => ({
      exchange: spec.source,
      queue: spec.destination,
      routingKey: spec.routingKey,
      arguments: spec.arguments,
    })),
  };
}
