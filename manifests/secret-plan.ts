import { randomInt } from 'node:crypto';
import type { KnownSecrets } from './references.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A password of letters and digits only (190 bits): eventing-rabbitmq puts it into a URL without escaping it. */
export function password(): string {
  return Array.from({ length: 32 }, () => letters.charAt(randomInt(letters.length))).join('');
}

type Secret = { labels?: Record<string, string>; values: Record<string, string> };

/** The Secrets of a new installation in a namespace, by name, with fresh passwords. */
export function newSecrets(namespace: string) {
  const host = `rabbitmq.${namespace}.svc.cluster.local`;
  const rabbitmq = { username: 'kickoff', password: password() };
  const redis = password();
  return {
    rabbitmq: {
      // The topology operator 1.20 finds only Secrets with this label; without it the Broker stays in ExchangeFailure.
      labels: { 'rabbitmq.com/topology-operator': 'true' },
      values: {
        ...rabbitmq,
        // The management API; its host serves AMQP too, on `port`.
        uri: `http://${host}:15672`,
        port: '5672',
        // From here on: what the cluster operator wants of an external Secret (overlay ha).
        host,
        provider: 'rabbitmq',
        type: 'rabbitmq',
        'default_user.conf': `default_user = ${rabbitmq.username}\ndefault_pass = ${rabbitmq.password}\n`,
      },
    },
    amqp: { values: { url: `amqp://${rabbitmq.username}:${rabbitmq.password}@${host}:5672` } },
    redis: { values: { password: redis } },
    store: { values: { url: `redis://:${redis}@redis.${namespace}.svc.cluster.local:6379` } },
  } satisfies Record<string, Secret>;
}

/** A Secret as a manifest, in the clear: for `sops encrypt` only. */
export function secretManifest(namespace: string, name: string, { labels, values }: Secret): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, ...(labels ? { labels } : {}) },
    type: 'Opaque',
    stringData: values,
  };
}

/** What the operators need of the Secret that leads to RabbitMQ. */
export const connectionKeys = ['username', 'password', 'uri', 'port'] as const;

/** Names and keys of the Secrets that `newSecrets` makes. */
export const secretKeys: KnownSecrets = Object.fromEntries(
  Object.entries(newSecrets('kickoff')).map(([name, { values }]) => [name, Object.keys(values)]),
);
