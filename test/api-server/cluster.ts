import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { kubectl } from '../../manifests/commands/cluster/kubectl.ts';
import { freePort } from '../servers/free-port.ts';
import { end, ready, start } from '../servers/process.ts';

/** A Kubernetes API without nodes or controllers: what it takes, keeps and refuses is as on a cluster, and nothing is run. */
export type Cluster = { kubeconfig: string; remove(): Promise<void> };

/**
 * Starts etcd and a kube-apiserver on free ports of 127.0.0.1, with RBAC and the admission plugins of a cluster but ServiceAccount. It is
 * what `KUBECONFIG` of this process means until `remove`.
 */
export async function startCluster(programs: { etcd: string; apiServer: string }): Promise<Cluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-api-server-'));
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  const at = (file: string): string => path.join(folder, file);
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(at('sa.key'), keys.privateKey);
  writeFileSync(at('sa.pub'), keys.publicKey);
  writeFileSync(at('tokens.csv'), 'test-token,admin,admin,"system:masters"\n');
  const etcd = start(programs.etcd, [
    `--data-dir=${at('etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
  ]);
  const server = start(programs.apiServer, [
    `--etcd-servers=http://127.0.0.1:${client}`,
    `--cert-dir=${folder}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--service-account-signing-key-file=${at('sa.key')}`,
    `--service-account-key-file=${at('sa.pub')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${at('tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    // No controller makes the accounts that it waits for.
    '--disable-admission-plugins=ServiceAccount',
  ]);
  const kubeconfig = at('kubeconfig');
  const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  writeFileSync(
    kubeconfig,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: { token: 'test-token' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }),
  );
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = kubeconfig;
  const answers = async (): Promise<boolean> =>
    (await kubectl(['get', '--raw', '/readyz']).catch(() => undefined)) === 'ok';
  await ready(server, answers, 120_000);
  return {
    kubeconfig,
    async remove() {
      if (before === undefined) delete process.env['KUBECONFIG'];
      else process.env['KUBECONFIG'] = before;
      await end(server, 'SIGTERM');
      await end(etcd, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Installs what README's Deploy section takes for granted: Serving with Kourier, Eventing, eventing-rabbitmq, the topology operator. */
export async function installPlatform(sources: readonly string[]): Promise<void> {
  const [serving = '', eventing = '', networking = '', topology = ''] = sources;
  const install = async (...files: string[]): Promise<void> => {
    const args = ['apply', '--server-side', '--field-manager=installation'];
    await kubectl([...args, ...files.flatMap((file) => ['-f', file])]);
  };
  await install(path.join(import.meta.dirname, 'platform.yaml'));
  await install(
    ...['config/core/300-resources', 'config/core/configmaps'].flatMap((one) => yamlIn(serving, one)),
    ...yamlIn(serving, 'third_party/kourier-latest'),
    ...yamlIn(eventing, 'config/core/resources'),
    ...yamlIn(networking, 'config'),
    ...yamlIn(topology, 'config/crd/bases'),
  );
  const kourier = '{"data":{"ingress-class":"kourier.ingress.networking.knative.dev"}}';
  await kubectl(['patch', 'configmap', 'config-network', '-n', 'knative-serving', '-p', kourier]);
  // No controller says that anything runs.
  const status = async (args: string[], value: object): Promise<void> => {
    await kubectl([
      'patch',
      ...args,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: value }),
    ]);
  };
  await status(['node', 'one'], { allocatable: { cpu: '2', memory: '4Gi' } });
  const names = 'custom-columns=:metadata.namespace,:metadata.name';
  const deployments = await kubectl(['get', 'deployments', '-A', '--no-headers', '-o', names]);
  for (const deployment of deployments.trim().split('\n')) {
    const [namespace = '', name = ''] = deployment.trim().split(/\s+/);
    await status(['deployment', name, '-n', namespace], { replicas: 1, readyReplicas: 1 });
  }
}

function yamlIn(module: string, folder: string): string[] {
  const place = path.join(module, folder);
  return readdirSync(place)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => path.join(place, file));
}
