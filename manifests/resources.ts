import { at, listAt, podSpec, type Document } from './bundle.ts';

const binary: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
const decimal: Record<string, number> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** A Kubernetes quantity as a number: cores, or bytes. Throws for what is none. */
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

/** Cores and bytes that the pods and volumes of a bundle ask for; a function counts with its `max-scale` or, `idle`, its `min-scale`. */
export function resourceSums(documents: readonly Document[], functions: 'idle' | 'full'): Sums {
  const sums: Sums = { pods: 0, requests: { cpu: 0, memory: 0 }, limits: { cpu: 0, memory: 0 }, storage: 0 };
  for (const document of documents) {
    const replicas = replicasOf(document, functions);
    const containers =
      document.kind === 'RabbitmqCluster' ? [document['spec']] : listAt(podSpec(document), 'containers');
    if (containers.length === 0) continue;
    sums.pods += replicas;
    for (const container of containers)
      for (const kind of ['requests', 'limits'] as const)
        for (const what of ['cpu', 'memory'] as const)
          sums[kind][what] += replicas * amount(at(container, 'resources', kind, what));
    sums.storage += replicas * amount(at(document, 'spec', 'persistence', 'storage'));
    for (const claim of listAt(document, 'spec', 'volumeClaimTemplates'))
      sums.storage += replicas * amount(at(claim, 'spec', 'resources', 'requests', 'storage'));
  }
  return sums;
}

function amount(value: unknown): number {
  return typeof value === 'string' || typeof value === 'number' ? quantity(value) : 0;
}

function replicasOf(document: Document, functions: 'idle' | 'full'): number {
  if (document.apiVersion.startsWith('serving.knative.dev/')) {
    const scale = functions === 'idle' ? 'min-scale' : 'max-scale';
    return Number(
      at(document, 'spec', 'template', 'metadata', 'annotations', `autoscaling.knative.dev/${scale}`),
    );
  }
  return Number(at(document, 'spec', 'replicas') ?? 1);
}

/** One line for people, such as `3 pods, requests 0.20 cores and 704 MiB, …`. */
export function sumsLine({ pods, requests, limits, storage }: Sums): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const part = ({ cpu, memory }: Sums['requests']): string => `${cpu.toFixed(2)} cores and ${mib(memory)}`;
  return `${pods} pods, requests ${part(requests)}, limits ${part(limits)}, volumes ${mib(storage)}`;
}
