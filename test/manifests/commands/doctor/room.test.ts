import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { roomFinding } from '../../../../manifests/commands/doctor/room.ts';
import { at, textAt } from '../../../../manifests/commands/yaml/bundle.ts';
import { resourceSums } from '../../../../manifests/commands/yaml/resources.ts';
import { kustomize } from '../../needs.ts';
import { built, installation } from '../../overlays.ts';

/** CPU and memory that Serving 1.22, Kourier 1.21, Eventing 1.22, eventing-rabbitmq 1.21 and the topology operator 1.20.1 ask for, by Deployment. */
const releases: Record<string, [cpu: string, memory: string]> = {
  activator: ['300m', '60Mi'],
  autoscaler: ['100m', '100Mi'],
  controller: ['100m', '100Mi'],
  webhook: ['100m', '100Mi'],
  'net-kourier-controller': ['200m', '200Mi'],
  '3scale-kourier-gateway': ['200m', '200Mi'],
  'eventing-controller': ['100m', '100Mi'],
  'eventing-webhook': ['100m', '50Mi'],
  'pingsource-mt-adapter': ['125m', '64Mi'],
  'rabbitmq-broker-controller': ['100m', '100Mi'],
  'rabbitmq-broker-webhook': ['20m', '20Mi'],
  'rabbitmq-controller-manager': ['100m', '100Mi'],
  'rabbitmq-webhook': ['20m', '20Mi'],
  'messaging-topology-operator': ['300m', '128Mi'],
};
const adapter = 'pingsource-mt-adapter';

type Requests = { cpu?: string; memory?: string };
const container = (requests: Requests) => ({ image: 'a', resources: { requests: { ...none, ...requests } } });
const none = { cpu: '0', memory: '0' };
const pod = (requests: Requests, namespace = 'platform', phase = 'Running') => ({
  metadata: { namespace, labels: {} },
  spec: { containers: [container(requests)] },
  status: { phase, containerStatuses: [] },
});
const deployment = (name: string, replicas: number, requests: Requests) => ({
  metadata: { name, namespace: 'knative-eventing', labels: {} },
  spec: {
    replicas,
    selector: { matchLabels: {} },
    template: { spec: { containers: [container(requests)] } },
  },
  status: { readyReplicas: 0 },
});
const node = { status: { allocatable: { cpu: '2', memory: '4Gi' } } };

describe.skipIf('missing' in kustomize)('room on one server of 2 cores and 4 GiB', () => {
  const documents = 'missing' in kustomize ? [] : installation('single-node');
  const platform = 'missing' in kustomize ? [] : built('platform-requests');
  const lowered = platform.filter(({ kind }) => kind === 'Deployment');
  const readme = readFileSync(path.resolve(import.meta.dirname, '../../../../README.md'), 'utf8');
  const [, cpu, memory, cpuOfReleases, memoryOfReleases, cpuLowered] =
    /Kickoff\sasks for ([\d.]+) cores and (\d+) MiB.*?\sask for ([\d.]+) cores and (\d+) MiB.*? lowers that to ([\d.]+) cores/s.exec(
      readme,
    ) ?? [];
  const says = (cores: string | undefined): string =>
    `room for one replica of each function: asks for ${cpu} cores and ${memory} MiB, the nodes have ${(2 - Number(cores)).toFixed(2)} cores and ${4096 - Number(memoryOfReleases)} MiB unrequested`;

  test("a platform as its releases ask is too much, and README's sum is the doctor's", () => {
    const pods = Object.entries(releases)
      .filter(([name]) => name !== adapter)
      .map(([, [cpu, memory]]) => pod({ cpu, memory }));
    const [asleep, started] = [0, 1].map((replicas) =>
      deployment(adapter, replicas, { cpu: '125m', memory: '64Mi' }),
    );
    if (!asleep || !started) throw new Error('no adapter');
    const [finding] = roomFinding(documents, 'kickoff', { nodes: [node], pods, deployments: [asleep] });
    expect(finding).toMatchObject({ ok: false, text: says(cpuOfReleases) });
    expect(finding?.remedy).toContain('-k manifests/platform-requests');
    // Once started its pod counts, and not a second time.
    const all = [...pods, pod({ cpu: '125m', memory: '64Mi' })];
    const again = roomFinding(documents, 'kickoff', { nodes: [node], pods: all, deployments: [started] });
    expect(again).toMatchObject([{ text: says(cpuOfReleases) }]);
  });

  test('manifests/platform-requests makes it fit, for the Deployments of the releases and no other', () => {
    expect(lowered.map(({ metadata }) => metadata.name).sort()).toEqual(Object.keys(releases).sort());
    const pods = lowered.map((one) => {
      const requests = at(one, 'spec', 'template', 'spec', 'containers', 0, 'resources', 'requests');
      expect(Object.keys(requests as object)).toEqual(['cpu']);
      return pod({ cpu: textAt(requests, 'cpu') ?? '', memory: releases[one.metadata.name]?.[1] ?? '' });
    });
    const findings = roomFinding(documents, 'kickoff', { nodes: [node], pods, deployments: [] });
    expect(findings).toMatchObject([{ ok: true, text: says(cpuLowered) }]);
  });

  test('no pod that is lowered is then multiplied: each autoscaler of the releases may make one', () => {
    const autoscalers = platform.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    expect(autoscalers.map(({ metadata }) => metadata.name).sort()).toEqual([
      '3scale-kourier-gateway',
      'activator',
      'eventing-webhook',
      'webhook',
    ]);
    for (const one of autoscalers) expect(one['spec']).toMatchObject({ minReplicas: 1, maxReplicas: 1 });
  });

  test('docs/deploying.md has the same sums', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/deploying.md'), 'utf8');
    const row = (label: string): string[] =>
      new RegExp(`^\\| ${label}[^|]*\\| *([\\d.]+) *\\| *(\\d+) *\\|$`, 'm').exec(page)?.slice(1) ?? [];
    const sums = (replicas: 'min-scale' | 'one'): string[] => {
      const { requests } = resourceSums(documents, replicas);
      return [requests.cpu.toFixed(2), String(Math.round(requests.memory / 2 ** 20))];
    };
    expect(row('Kickoff while nobody asks')).toEqual(sums('min-scale'));
    expect(row('with one replica')).toEqual(sums('one'));
    expect(row('Serving, Kourier')).toEqual([cpuOfReleases, memoryOfReleases]);
    expect(row('the same with')).toEqual([cpuLowered, memoryOfReleases]);
  });

  test('our own pods and ended ones count as free; without nodes or pods nothing is said', () => {
    const pods = [
      pod({ cpu: '1' }, 'kickoff'),
      pod({ cpu: '1' }, 'other', 'Succeeded'),
      pod({ cpu: '1500m' }),
    ];
    const [finding] = roomFinding(documents, 'kickoff', { nodes: [node], pods, deployments: [] });
    expect(finding).toMatchObject({ ok: false, text: expect.stringContaining('have 0.50 cores') as string });
    expect(roomFinding(documents, 'kickoff', { nodes: [], pods, deployments: [] })).toEqual([]);
    expect(roomFinding(documents, 'kickoff', { nodes: [node], pods: [], deployments: [] })).toEqual([]);
  });

  test('too little memory asks for a larger node', () => {
    const [finding] = roomFinding(documents, 'kickoff', {
      nodes: [node],
      pods: [pod({ memory: '3Gi' })],
      deployments: [],
    });
    expect(finding).toMatchObject({ ok: false, remedy: expect.stringContaining('larger node') as string });
  });
});
