import type { KnownSecrets } from './references.ts';

/** The Secrets of an installation, with their keys; `npm run secrets -- init` writes them. */
export const secretKeys = {
  // default_user.conf and what stands beside it: what the cluster operator wants of an external Secret.
  rabbitmq: ['username', 'password', 'uri', 'port', 'host', 'provider', 'type', 'default_user.conf'],
  amqp: ['url'],
  redis: ['password'],
  store: ['url'],
} as const satisfies KnownSecrets;
