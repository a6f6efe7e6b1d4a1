import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newSecrets, secretKeys } from '../../manifests/commands/secrets/plan.ts';
import { debian } from '../needs.ts';
import { newKey } from '../signing.ts';
import type { Stored } from './api-server.ts';
import { secretOf, startApi, type Api } from './platform.ts';

const root = path.resolve(import.meta.dirname, '../..');
const kubectl = await debian('kubectl', 'kubernetes-client');

describe.skipIf('missing' in kubectl)('commands on a cluster, by the real kubectl', () => {
  let api: Api;

  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(async () => {
    await api.close();
  });

  async function run(
    script: string,
    args: string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number | null; text: string }> {
    const child = spawn(process.execPath, [path.join(root, 'manifests/commands', script), ...args], {
      env: { ...process.env, HOME: api.folder, ...env },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    return new Promise((resolve) =>
      child.on('close', (code) => {
        resolve({ code, text });
      }),
    );
  }

  describe('releases and rollback', () => {
    const service = (): Stored =>
      api.objects.get('serving.knative.dev/v1/services/kickoff/predict') as Stored;
    const traffic = (): unknown => (service()['spec'] as { traffic: unknown }).traffic;

    beforeEach(() => {
      api.objects.clear();
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kickoff' } });
      api.put({
        apiVersion: 'serving.knative.dev/v1',
        kind: 'Service',
        metadata: { name: 'predict', namespace: 'kickoff' },
        spec: {
          traffic: [
            { latestRevision: true, percent: 100 },
            { revisionName: 'predict-00001', tag: 'first', percent: 0 },
          ],
        },
        status: { traffic: [{ revisionName: 'predict-00003', latestRevision: true, percent: 100 }] },
      });
      for (const [number, ready] of [
        [1, 'True'],
        [2, 'False'],
        [3, 'True'],
      ] as const)
        api.put({
          apiVersion: 'serving.knative.dev/v1',
          kind: 'Revision',
          metadata: {
            name: `predict-0000${number}`,
            namespace: 'kickoff',
            labels: { 'serving.knative.dev/service': 'predict' },
            creationTimestamp: `2026-11-2${number}T00:00:00Z`,
          } as Stored['metadata'],
          status: {
            conditions: [{ type: 'Ready', status: ready }],
            containerStatuses: [
              { name: 'user-container', imageDigest: `registry.example.org/predict@sha256:${number}` },
            ],
          },
        });
    });

    test('releases lists revisions, newest first, with traffic and image', async () => {
      const { code, text } = await run('releases.ts', ['list']);
      expect(code).toBe(0);
      expect(text.split('\n').slice(0, 3)).toEqual([
        expect.stringMatching(/^predict-00003 +100 % .*sha256:3$/),
        expect.stringMatching(/^predict-00002 .*not ready .*sha256:2$/),
        expect.stringMatching(/^predict-00001 .*sha256:1$/),
      ]);
    });

    test('rollback takes the last ready revision before, keeps tags, and says how to undo it', async () => {
      const { code, text } = await run('releases.ts', ['rollback', 'predict']);
      expect({ code, text }).toMatchObject({ code: 0 });
      expect(text).toMatch(/all traffic to predict-00001, was predict-00003/);
      expect(text).toMatch(/Undo: npm run rollback -- predict latest/);
      expect(traffic()).toEqual([
        { revisionName: 'predict-00001', percent: 100 },
        { revisionName: 'predict-00001', tag: 'first', percent: 0 },
      ]);
      expect(await run('releases.ts', ['rollback', 'predict', 'latest'])).toMatchObject({ code: 0 });
      expect(traffic()).toEqual([
        { latestRevision: true, percent: 100 },
        { revisionName: 'predict-00001', tag: 'first', percent: 0 },
      ]);
    });

    test.each([
      [['predict', 'predict-00002'], /predict-00002 is not ready/],
      [
        ['predict', 'predict-00009'],
        /no revision predict-00009; it has: predict-00003, predict-00002, predict-00001/,
      ],
      [['nothing'], /"nothing" not found/],
    ])('rollback %j is refused and changes nothing', async (args, message) => {
      const before = traffic();
      const { code, text } = await run('releases.ts', ['rollback', ...args]);
      expect(code).toBe(1);
      expect(text).toMatch(message);
      expect(text).not.toMatch(/ at .*\.ts:/);
      expect(traffic()).toEqual(before);
    });
  });

  test.each([
    ['releases.ts', 'list'],
    ['doctor.ts', '--cluster'],
  ])('%s on an API that is away says so in a line', async (script, ...args) => {
    const { code, text } = await run(script, args, { KUBERNETES_MASTER: '', KUBECONFIG: '/nowhere' });
    expect(code).toBe(1);
    expect(text).toMatch(/^kubectl .*(refused|did you specify|localhost)/s);
    expect(text).not.toMatch(/ at .*\.ts:/);
  });

  describe('doctor --cluster', () => {
    beforeEach(() => {
      api.objects.clear();
      api.forbidden.clear();
    });

    test('an empty cluster: every lack with its remedy', async () => {
      const { code, text } = await run('doctor.ts', ['--cluster']);
      expect(code).toBe(1);
      for (const lack of [
        'CRD triggers.eventing.knative.dev v1',
        'CRD queues.rabbitmq.com v1beta1',
        'CRD rabbitmqclusters.rabbitmq.com v1beta1',
        'knative-eventing/rabbitmq-broker-controller missing',
        'knative-sources/rabbitmq-controller-manager missing',
        "Knative's network class is not set",
        'a default StorageClass',
        'Secret kickoff/rabbitmq',
        'Secret kickoff/signing: an unsigned setup',
        'domain predictions.example.org',
      ])
        expect(text).toContain(`FAULT ${lack}`);
      expect(text).toMatch(
        /starts no controller.*: kubectl apply --server-side -f https:\/\/github.com\/rabbitmq\/cluster-operator\//,
      );
      expect(text).toMatch(/^ok {4}Kubernetes 1.34$/m);
      expect(text).toMatch(/npm run secrets -- apply/);
      expect(text.match(/^FAULT/gm)?.length).toBe(Number(/^(\d+) of \d+ do not hold/m.exec(text)?.[1]));
    });

    test('a kubectl of years ago: that alone, with the remedy', async () => {
      const bin = path.join(api.folder, 'old');
      mkdirSync(bin);
      const version = `{"clientVersion":{"major":"1","minor":"26"},"serverVersion":{"major":"1","minor":"34"}}`;
      const program = `#!/bin/sh\nif [ "$1" = version ]; then echo '${version}'; else exit 9; fi\n`;
      writeFileSync(path.join(bin, 'kubectl'), program, { mode: 0o755 });
      const { code, text } = await run('doctor.ts', ['--cluster'], {
        PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      });
      expect(code).toBe(1);
      expect(text).toMatch(/^FAULT kubectl 1.26\n +install kubectl 1.27 or later.*\n1 of 1 do not hold\n$/);
    });

    test('an old version, a missing label, a missing key, a forbidden resource, a taken port, a claimed host', async () => {
      deployment('knative-serving', 'controller', '1.15.2');
      deployment('rabbitmq-system', 'messaging-topology-operator', undefined, 'operator:1.19.0');
      secret('rabbitmq', {}, ['username', 'password', 'uri', 'port']);
      secret('redis', {}, []);
      api.forbidden.add('networkpolicies.networking.k8s.io');
      api.forbidden.add('storageclasses');
      api.put({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'ingress-nginx', namespace: 'web' },
        spec: { ports: [{ port: 80, nodePort: 31390 }] },
      });
      api.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'config-network', namespace: 'knative-serving' },
        data: { 'ingress-class': 'istio.ingress.networking.knative.dev' },
      });
      api.put({
        apiVersion: 'networking.internal.knative.dev/v1alpha1',
        kind: 'ClusterDomainClaim',
        metadata: { name: 'predictions.example.org' },
        spec: { namespace: 'other' },
      });
      const { text } = await run('doctor.ts', ['--cluster']);
      expect(text).toMatch(/FAULT knative-serving\/controller 1.15.2\n +install Knative Serving 1.22/);
      expect(text).toMatch(
        /FAULT rabbitmq-system\/messaging-topology-operator 1.19.0\n +install the RabbitMQ/,
      );
      expect(text).toMatch(/FAULT Secret kickoff\/rabbitmq\n +kubectl -n kickoff label secret rabbitmq/);
      expect(text).toMatch(/FAULT Secret kickoff\/redis without password/);
      expect(text).toMatch(/FAULT permission to create networkpolicies.networking.k8s.io/);
      expect(text).toMatch(/FAULT permission to list storageclasses.storage.k8s.io\n +ask/);
      expect(text).toMatch(/FAULT Knative's network class istio.*\n +kubectl -n knative-serving patch/);
      expect(text).toMatch(/FAULT node port 31390 free for Kourier\n +web\/ingress-nginx has it/);
      expect(text).toMatch(/FAULT domain predictions.example.org\n +namespace other has claimed it/);
    });

    test('a host that was never set, and that the installation itself has claimed', async () => {
      api.put({
        apiVersion: 'networking.internal.knative.dev/v1alpha1',
        kind: 'ClusterDomainClaim',
        metadata: { name: 'predictions.example.org' },
        spec: { namespace: 'kickoff' },
      });
      const { text } = await run('doctor.ts', ['--cluster']);
      expect(text).toMatch(/FAULT domain predictions.example.org\n +set host in manifests/);
    });

    test.each([
      [
        'x',
        /FAULT keys of Secret kickoff\/signing: key 1 has 1 characters.*\n +npm run secrets -- edit signing/,
      ],
      [newKey(), /ok {4}keys of Secret kickoff\/signing$/m],
      [`${newKey()} ${newKey()}`, /ok {4}keys of Secret kickoff\/signing: two, a rotation is under way$/m],
    ])('the keys that functions sign with: %.5s', async (keys, finding) => {
      api.put(secretOf('signing', { keys }));
      const { text } = await run('doctor.ts', ['--cluster']);
      expect(text).toMatch(finding);
      expect(text).toMatch(/ok {4}Secret kickoff\/signing$/m);
      for (const key of keys.split(' ').filter((each) => each.length > 5)) expect(text).not.toContain(key);
    });

    test('a password that eventing-rabbitmq cannot use, without telling it', async () => {
      const { rabbitmq, amqp } = newSecrets('kickoff');
      api.put(secretOf('rabbitmq', { ...rabbitmq.values, password: 'hunter@2' }));
      api.put(secretOf('amqp', amqp.values));
      const { text } = await run('doctor.ts', ['--cluster']);
      expect(text).toMatch(/FAULT Secret rabbitmq: password may have letters, .*\n +npm run secrets -- edit/);
      expect(text).toMatch(/FAULT Secret amqp: user and password of url are not those of Secret rabbitmq/);
      expect(text).not.toContain('hunter');
    });

    test.each([
      ['1200m', 'ok   '],
      ['1700m', 'FAULT'],
    ])('a node of 2 cores of which %s are asked for', async (cpu, verdict) => {
      api.put({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'one' },
        status: { allocatable: { cpu: '2', memory: '4Gi' } },
      });
      const pod = (name: string, namespace: string, phase: string, requested: string): void => {
        api.put({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name, namespace },
          spec: { containers: [{ name: 'a', resources: { requests: { cpu: requested, memory: '1Gi' } } }] },
          status: { phase },
        });
      };
      pod('activator', 'knative-serving', 'Running', cpu);
      pod('ended', 'knative-serving', 'Succeeded', '1');
      // Our own are what the room is for.
      pod('redis-0', 'kickoff', 'Running', '1');
      const { text } = await run('doctor.ts', ['--cluster']);
      const free = (2 - Number.parseInt(cpu) / 1000).toFixed(2);
      expect(text).toMatch(
        new RegExp(`^${verdict} room for one replica .* have ${free} cores and 3072 MiB unrequested$`, 'm'),
      );
    });

    function deployment(namespace: string, name: string, version?: string, image = 'image'): void {
      api.put({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace, labels: version ? { 'app.kubernetes.io/version': version } : {} },
        spec: {
          selector: { matchLabels: { app: name } },
          template: { spec: { containers: [{ name: 'a', image }] } },
        },
        status: { readyReplicas: 1 },
      });
    }
    function secret(name: string, labels: Record<string, string>, keys = secretKeys[name] ?? []): void {
      api.put(secretOf(name, Object.fromEntries(keys.map((key) => [key, 'x'])), labels));
    }
  });
});
