import { randomBytes, randomInt } from 'node:crypto';
import { SecretsFault } from './age-key.ts';
import { allowed, unescaped } from './faults.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A password of letters and digits only (190 bits): eventing-rabbitmq puts it into a URL without escaping it. */
export function password(): string {
  return Array.from({ length: 32 }, () => letters.charAt(randomInt(letters.length))).join('');
}

/** A key that functions sign their events with: 32 random bytes in base64url. */
export const signingKey = (): string => randomBytes(32).toString('base64url');

type Secret = { labels?: Record<string, string>; values: Record<string, string> };

/** How to reach a RabbitMQ: `uri` is its management API, whose host serves AMQP too, on `port`. */
type Reach = { username: string; password: string; host: string; uri: string; port: string };

/** The user of producers on RabbitMQ; its rights are in eventing/producer.yaml. */
export const producerName = 'kickoff-producer';

/** An existing RabbitMQ, by its AMQP URL. Throws `SecretsFault` for what eventing-rabbitmq could not use. */
export function ownRabbit(text: string): Reach {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['amqp:', 'amqps:'].includes(url.protocol) || !url.username || !url.password)
    throw new SecretsFault('the address of RabbitMQ must be amqp[s]://<user>:<password>@<host>[:<port>]');
  if (![url.username, url.password].every((text) => unescaped.test(text)))
    throw new SecretsFault(
      `user and password of RabbitMQ may have ${allowed} only: eventing-rabbitmq does not escape them. Change the password there (rabbitmqctl change_password)`,
    );
  if (url.username === producerName)
    throw new SecretsFault(`user ${producerName} is for producers and may only publish: name another one`);
  if (!['', '/', '/%2f'].includes(url.pathname.toLowerCase()))
    throw new SecretsFault(`virtual host ${url.pathname.slice(1)}: only the default one, /, can be used`);
  const secure = url.protocol === 'amqps:';
  return {
    username: url.username,
    password: url.password,
    host: url.hostname,
    uri: secure ? `https://${url.hostname}:15671` : `http://${url.hostname}:15672`,
    port: url.port || (secure ? '5671' : '5672'),
  };
}

function newRabbit(namespace: string): Reach {
  const host = `rabbitmq.${namespace}.svc.cluster.local`;
  return { username: 'kickoff', password: password(), host, uri: `http://${host}:15672`, port: '5672' };
}

/** The Secrets of a new installation in a namespace, by name, with fresh passwords; with those of an existing `rabbit`. */
export function newSecrets(namespace: string, rabbit: Reach = newRabbit(namespace)) {
  const { username, password: secret, host, uri, port } = rabbit;
  const scheme = uri.startsWith('https:') ? 'amqps' : 'amqp';
  const redis = password();
  return {
    rabbitmq: {
      // The topology operator 1.20 finds only Secrets with this label; without it the Broker stays in ExchangeFailure.
      labels: { 'rabbitmq.com/topology-operator': 'true' },
      values: {
        username,
        password: secret,
        uri,
        port,
        // From here on: what the cluster operator wants of an external Secret (overlay ha).
        host,
        provider: 'rabbitmq',
        type: 'rabbitmq',
        'default_user.conf': `default_user = ${username}\ndefault_pass = ${secret}\n`,
      },
    },
    producer: {
      // As above: the operator makes the user of it.
      labels: { 'rabbitmq.com/topology-operator': 'true' },
      values: { username: producerName, password: password() },
    },
    amqp: { values: { url: `${scheme}://${username}:${secret}@${host}:${port}` } },
    redis: { values: { password: redis } },
    store: { values: { url: `redis://:${redis}@redis.${namespace}.svc.cluster.local:6379` } },
    // One or two keys, separated by a blank: two while a rotation is under way.
    signing: { values: { keys: signingKey() } },
  } satisfies Record<string, Secret>;
}

/** Which Secrets are made together: those of a group have a password in common. */
export const groups = [['rabbitmq', 'amqp'], ['redis', 'store'], ['signing'], ['producer']] as const;

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

/** The Secrets, with their keys, that exist beside a bundle: made by `npm run secrets`, never part of it. */
export type KnownSecrets = Readonly<Record<string, readonly string[]>>;

/** Names and keys of the Secrets that `newSecrets` makes. */
export const secretKeys: KnownSecrets = Object.fromEntries(
  Object.entries(newSecrets('kickoff')).map(([name, { values }]) => [name, Object.keys(values)]),
);
