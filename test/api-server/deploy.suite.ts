import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installation, listAt, podSpec, at, title } from '../../manifests/commands/yaml/bundle.ts';
import { kubectl } from '../../manifests/commands/cluster/kubectl.ts';
import { secretKeys } from '../../manifests/commands/secrets/plan.ts';
import { debian, goTool } from '../needs.ts';
import { overlays } from '../manifests/overlays.ts';
import { installPlatform, startCluster, type Cluster } from './cluster.ts';
import { apiServer, etcd, sources, webhooks } from './needs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sops = await goTool('github.com/getsops/sops/v3/cmd/sops@v3.13.3');
const age = await debian('age-keygen', 'age');
const needs = [apiServer, etcd, webhooks, sops, age, ...sources];
const pathOf = (need: (typeof needs)[number]): string => ('path' in need ? need.path : '');

/** README's Deploy section, the commands only. */
const steps = (
  /## Deploy[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(path.join(root, 'README.md'), 'utf8'))?.[1] ?? ''
)
  .split('\n')
  .map((line) =>
    line
      .replace(/^# {2,}/, '')
      .replace(/ {2}#.*$/, '')
      .trim(),
  )
  .filter((line) => /^(npm run|kubectl)/.test(line));
const step = (begin: string): string => {
  const found = steps.find((line) => line.startsWith(begin));
  if (found === undefined) throw new Error(`README has no step ${begin}`);
  return found;
};

describe.skipIf(needs.some((need) => 'missing' in need))('README on an empty cluster', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-deploy-'));
  const project = path.join(folder, 'project');
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster({ etcd: pathOf(etcd), apiServer: pathOf(apiServer) });
    await installPlatform(sources.map(pathOf));
    for (const file of execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter(Boolean))
      cpSync(path.join(root, file), path.join(project, file), { recursive: true });
    symlinkSync(path.join(root, 'node_modules'), path.join(project, 'node_modules'));
    const params = path.join(project, 'manifests/params/params.yaml');
    writeFileSync(
      params,
      readFileSync(params, 'utf8').replace('predictions.example.org', 'odds.example.net'),
    );
  });
  afterAll(async () => {
    await cluster.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  // Not by spawnSync: the server waits while nobody reads what it logs.
  async function run(command: string): Promise<{ code: number | null; text: string }> {
    const child = spawn('sh', ['-c', command], {
      cwd: project,
      env: {
        ...process.env,
        PATH: `${path.dirname(pathOf(sops))}:${process.env['PATH'] ?? ''}`,
        HOME: folder,
        KUBECONFIG: cluster.kubeconfig,
      },
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, text };
  }
  /** Every object of ours with its version, which changes when anything of it does. */
  async function versions(): Promise<string> {
    const listed = (await kubectl(['api-resources', '--verbs=list', '-o', 'name'])).trim().split('\n');
    const ours = listed.filter(
      (one) => !/^(events|leases|endpoints|componentstatuses|apiservices)/.test(one),
    );
    return kubectl([
      'get',
      ours.join(','),
      '-A',
      '-o',
      'custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name,V:.metadata.resourceVersion',
      '--no-headers',
    ]);
  }

  test('secrets come first, and then the doctor has nothing to say', { timeout: 120_000 }, async () => {
    const before = await run(step('npm run doctor'));
    expect(before.code).toBe(1);
    expect(before.text).toMatch(/FAULT Secret kickoff\/rabbitmq\n +npm run secrets -- init/);
    expect(before.text).toContain(`\n${Object.keys(secretKeys).length} of `);
    for (const begin of ['npm run secrets -- init', 'npm run secrets -- apply'])
      expect(await run(step(begin))).toMatchObject({ code: 0 });
    expect(await run(step('npm run doctor'))).toMatchObject({
      code: 0,
      text: expect.stringMatching(/all \d+ hold/) as string,
    });
  });

  const ofPlatform = (folder: string): string =>
    step(`kubectl apply --server-side --force-conflicts --field-manager=kickoff -k manifests/${folder}`);

  test("the platform's requests are lowered, and nothing else of it changes", async () => {
    const deployments = async (): Promise<object> => {
      const { items } = JSON.parse(await kubectl(['get', 'deployments', '-A', '-o', 'json'])) as {
        items: { metadata: { name: string }; spec: { template: { spec: { containers: Container[] } } } }[];
      };
      return Object.fromEntries(
        items.map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers]),
      );
    };
    type Container = { name: string; resources?: { requests?: { cpu?: string } } };
    const before = (await deployments()) as Record<string, Container[]>;
    expect(await run(ofPlatform('platform-requests'))).toMatchObject({ code: 0 });
    for (const [container] of Object.values(before)) if (container) container.resources ??= {};
    const after = (await deployments()) as Record<string, Container[]>;
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, [container]] of Object.entries(after)) {
      const [was] = before[name] ?? [];
      const cpu = container?.resources?.requests?.cpu;
      expect(cpu).toMatch(/^[15]0m$/);
      const { requests = {}, ...others } = was?.resources ?? {};
      expect(container).toEqual({ ...was, resources: { ...others, requests: { ...requests, cpu } } });
    }
  });

  test("the cluster's own settings are merged, not replaced", async () => {
    expect(await run(ofPlatform('base/knative'))).toMatchObject({ code: 0 });
    const data = async (name: string): Promise<Record<string, string>> =>
      JSON.parse(
        await kubectl(['get', 'configmap', name, '-n', 'knative-serving', '-o', 'jsonpath={.data}']),
      ) as Record<string, string>;
    expect(Object.keys(await data('config-domain'))).toEqual(
      expect.arrayContaining(['_example', 'kickoff.internal']),
    );
    expect(await data('config-autoscaler')).toMatchObject({
      'stable-window': '60s',
      _example: expect.any(String) as string,
    });
    const kourier = await kubectl([
      'get',
      'service',
      'kourier',
      '-n',
      'kourier-system',
      '-o',
      'jsonpath={.spec.type} {.spec.ports[*].port} {.spec.ports[0].nodePort}',
    ]);
    expect(kourier).toBe('NodePort 80 443 31390');
  });

  test(
    'the overlay and the functions are taken as they are, and a second time nothing changes',
    { timeout: 240_000 },
    async () => {
      const commands = [
        step('kubectl apply --server-side -k manifests/overlays/single-node'),
        step('kubectl apply --server-side -k manifests/overlays/single-node/functions'),
      ];
      for (const command of commands) expect(await run(command)).toMatchObject({ code: 0 });
      const first = await versions();
      console.log(
        `${first.split('\n').filter((line) => / kickoff /.test(line)).length} objects in the namespace`,
      );
      const again = [
        step('npm run secrets -- apply'),
        ofPlatform('platform-requests'),
        ofPlatform('base/knative'),
      ];
      for (const command of [...commands, ...again]) expect(await run(command)).toMatchObject({ code: 0 });
      const doctor = await run(step('npm run doctor'));
      expect(doctor.text.match(/^FAULT .*/gm)).toEqual([
        // No controller makes pods here.
        expect.stringMatching(/port-forward service\/rabbitmq in kickoff/),
      ]);
      expect(await versions()).toBe(first);
    },
  );

  test('admission lets in our pods and those of eventing-rabbitmq, and no other', async () => {
    const pods = overlays.flatMap((overlay) =>
      installation(root, overlay).flatMap((document) => {
        const spec = podSpec(document) as { volumes?: object[] } | undefined;
        if (spec === undefined) return [];
        // Of a claim each, which a StatefulSet's controller would add; and what belongs to Knative is not a Pod's.
        const claims = listAt(document, 'spec', 'volumeClaimTemplates').map((claim) => ({
          name: at(claim, 'metadata', 'name'),
          emptyDir: {},
        }));
        const { containers, securityContext, volumes = [] } = spec as Record<string, object[]>;
        const labels = at(document, 'spec', 'template', 'metadata', 'labels');
        const name = `${overlay}-${document.metadata.name}`;
        const metadata = { name, namespace: 'kickoff', labels };
        return [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata,
            spec: { containers, securityContext, volumes: [...volumes, ...claims] },
          },
        ];
      }),
    );
    expect(pods.length).toBeGreaterThan(10);
    for (const pod of pods) await kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod));
    const bare = ['run', 'bare', '--image=a', '-n', 'kickoff', '--dry-run=server'];
    await expect(kubectl(bare)).rejects.toThrow(/ValidatingAdmissionPolicy 'kickoff-restricted'/);
    const ofEventing = [...bare, '--labels=eventing.knative.dev/brokerRole=dispatcher'];
    await kubectl(ofEventing);
    await expect(kubectl([...ofEventing, '--privileged'])).rejects.toThrow(
      /disallowed by cluster policy|violates PodSecurity/,
    );
  });

  test('releases and rollback speak to it', async () => {
    for (const number of ['1', '2']) {
      const name = `predict-0000${number}`;
      const labels = { 'serving.knative.dev/service': 'predict' };
      const revision = {
        apiVersion: 'serving.knative.dev/v1',
        kind: 'Revision',
        metadata: { name, namespace: 'kickoff', labels },
        spec: { containers: [{ image: 'a' }] },
      };
      await kubectl(['create', '-f', '-'], JSON.stringify(revision));
      const status = { conditions: [{ type: 'Ready', status: 'True' }] };
      await kubectl([
        'patch',
        'revision',
        name,
        '-n',
        'kickoff',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status }),
      ]);
    }
    const traffic = [{ revisionName: 'predict-00002', latestRevision: true, percent: 100 }];
    await kubectl([
      'patch',
      'services.serving.knative.dev',
      'predict',
      '-n',
      'kickoff',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { traffic } }),
    ]);
    expect((await run('npm run -s releases')).text).toMatch(/^predict-00002 +100 %/m);
    expect(await run('npm run -s rollback -- predict predict-00001')).toMatchObject({ code: 0 });
    expect(
      await kubectl([
        'get',
        'services.serving.knative.dev',
        'predict',
        '-n',
        'kickoff',
        '-o',
        'jsonpath={.spec.traffic}',
      ]),
    ).toBe('[{"percent":100,"revisionName":"predict-00001"}]');
  });

  test('what cannot be changed is as it was applied', async () => {
    expect((await run('npm run -s replace')).text).toMatch(/^nothing to replace/);
  });
});

describe.skipIf('missing' in webhooks)("Knative's admission webhooks", () => {
  const kinds = ['Service', 'DomainMapping', 'Broker', 'Trigger', 'PingSource'];
  const documents = overlays
    .flatMap((overlay) => installation(root, overlay))
    .filter(({ kind, apiVersion }) => kinds.includes(kind) && /knative\.dev\/v1(beta1)?$/.test(apiVersion));
  const faults = (input: object[]): string =>
    execFileSync(pathOf(webhooks), { input: JSON.stringify(input), encoding: 'utf8' });

  test('admit every object', async () => {
    expect(documents.length).toBeGreaterThan(30);
    expect(faults(documents)).toBe('');
  });

  test('refuse what they know to be wrong', async () => {
    const service = structuredClone(documents.find((one) => title(one) === 'Service/predict'));
    if (!service) throw new Error('no Service/predict');
    service.metadata.annotations['autoscaling.knative.dev/window'] = '60s';
    expect(faults([service])).toMatch(/must be put under "spec.template.metadata.annotations"/);
  });
});
