import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../servers/free-port.ts';
import { startRabbit, type Rabbit } from '../servers/rabbitmq.ts';
import { startApiServer, type Stored } from './api-server.ts';

/** The stand-in for a cluster's API; `folder` holds its kubeconfig, and is a home for kubectl. */
export type Api = Awaited<ReturnType<typeof startApiServer>> & { folder: string; kubeconfig: string };

/** Starts an API server that is what `KUBECONFIG` of this process means until `close`. */
export async function startApi(): Promise<Api> {
  const api = await startApiServer();
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-cluster-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: api.url } }],
      users: [{ name: 'test', user: {} }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }),
  );
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = kubeconfig;
  return {
    ...api,
    folder,
    kubeconfig,
    async close() {
      if (before === undefined) delete process.env['KUBECONFIG'];
      else process.env['KUBECONFIG'] = before;
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A RabbitMQ with its management API, which is on port `management` of 127.0.0.1. */
export async function startManaged(
  server: string,
  settings: readonly string[] = [],
): Promise<{ rabbit: Rabbit; management: number }> {
  const management = await freePort();
  const listener = [`management.tcp.port = ${management}`, 'management.tcp.ip = 127.0.0.1'];
  const rabbit = await startRabbit(server, [...listener, ...settings], ['rabbitmq_management']);
  return { rabbit, management };
}

/** A Secret of namespace `kickoff`, from its values in the clear. */
export function secretOf(
  name: string,
  values: Record<string, string>,
  labels: Record<string, string> = {},
): Stored {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'kickoff', labels },
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  };
}
