import { at, listAt, podSpec, type Document } from './bundle.ts';

const binary: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
const decimal: Record<string, number> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A Kubernetes quantity as a number: cores, or bytes. Throws for any other text. */
export function quantity(text: string | number): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(String(text)) ?? [];
  const factor = unit === '' ? 1 : (binary[unit] ?? decimal[unit]);
  if (amount === undefined || factor === undefined) throw new Error(`${text} is not a quantity`);
  return Number(amount) * factor;
}

export type Sums = {
  pods: number;
  requests: { cpu: number; memory: number };
  limits: { cpu: number; memory: number };
  storage: number;
};

/** What eventing-rabbitmq 1.22 asks for its own pod if its object has no annotation; and Knative for each queue-proxy. */
const eventingPod = {
  'cpu-request': '50m',
  'memory-request': '64Mi',
  'cpu-limit': '4',
  'memory-limit': '600Mi',
};
const queueProxyCpu = 0.025;

/**
 * Cores and bytes that the pods and volumes of a bundle ask for. Included are those that Knative makes of it: queue-proxies, the ingress,
 * dispatchers and adapter of eventing-rabbitmq. `replicas` says how many of each function.
 */
export function resourceSums(
  documents: readonly Document[],
  replicas: 'min-scale' | 'one' | 'max-scale',
): Sums {
  const sums: Sums = { pods: 0, requests: { cpu: 0, memory: 0 }, limits: { cpu: 0, memory: 0 }, storage: 0 };
  for (const document of documents) {
    const pods = podsOf(document, replicas);
    const containers = containersOf(document);
    if (containers.length === 0) continue;
    sums.pods += pods;
    if (isFunction(document)) sums.requests.cpu += pods * queueProxyCpu;
    for (const container of containers)
      for (const kind of ['requests', 'limits'] as const)
        for (const what of ['cpu', 'memory'] as const)
          sums[kind][what] += pods * amount(at(container, 'resources', kind, what));
    sums.storage += pods * amount(at(document, 'spec', 'persistence', 'storage'));
    for (const claim of listAt(document, 'spec', 'volumeClaimTemplates'))
      sums.storage += pods * amount(at(claim, 'spec', 'resources', 'requests', 'storage'));
  }
  return sums;
}

const ofEventing = new Set(['Broker', 'Trigger', 'RabbitmqSource']);

function containersOf(document: Document): unknown[] {
  if (document.kind === 'RabbitmqCluster') return [document['spec']];
  if (!ofEventing.has(document.kind)) return listAt(podSpec(document), 'containers');
  const own = Object.fromEntries(
    Object.keys(eventingPod).flatMap((key) => {
      const value = document.metadata.annotations[`rabbitmq.eventing.knative.dev/${key}`];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  // Annotations replace the defaults as a whole.
  const set: Record<string, string> = Object.keys(own).length > 0 ? own : eventingPod;
  return [
    {
      resources: {
        requests: { cpu: set['cpu-request'], memory: set['memory-request'] },
        limits: { cpu: set['cpu-limit'], memory: set['memory-limit'] },
      },
    },
  ];
}

function isFunction({ apiVersion }: Document): boolean {
  return apiVersion.startsWith('serving.knative.dev/');
}

function amount(value: unknown): number {
  return typeof value === 'string' || typeof value === 'number' ? quantity(value) : 0;
}

function podsOf(document: Document, replicas: 'min-scale' | 'one' | 'max-scale'): number {
  if (isFunction(document)) {
    if (replicas === 'one') return 1;
    return Number(
      at(document, 'spec', 'template', 'metadata', 'annotations', `autoscaling.knative.dev/${replicas}`),
    );
  }
  // A dead-letter sink gets a dispatcher of its own.
  if (ofEventing.has(document.kind))
    return at(document, 'spec', 'delivery', 'deadLetterSink') === undefined ? 1 : 2;
  return Number(at(document, 'spec', 'replicas') ?? 1);
}

/** One line for people, such as `3 pods, requests 0.20 cores and 704 MiB, …`. */
export function sumsLine({ pods, requests, limits, storage }: Sums): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const part = ({ cpu, memory }: Sums['requests']): string => `${cpu.toFixed(2)} cores and ${mib(memory)}`;
  return `${pods} pods, requests ${part(requests)}, limits ${part(limits)}, volumes ${mib(storage)}`;
}
