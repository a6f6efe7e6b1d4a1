import * as v from 'valibot';
import { signingKeys } from '../../../functions/shared/events/signing-keys.ts';

/** The values of an installation's Secrets in the clear, by the Secret's name. */
export type Secrets = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;

/** What eventing-rabbitmq may put into a URL as it is: the unreserved characters of RFC 3986. */
export const unescaped = /^[\w.~-]+$/;
export const allowed = 'letters, digits, "-", "_", "." and "~"';

/** What is wrong with Secrets, one line each; those that are not there are not looked at. No line holds a value. */
export function faultsOf({ rabbitmq, amqp, producer, redis, store, signing }: Secrets): string[] {
  const faults: string[] = [];
  for (const key of ['username', 'password'])
    if (rabbitmq && !unescaped.test(rabbitmq[key] ?? ''))
      faults.push(
        `Secret rabbitmq: ${key} may have ${allowed} only: eventing-rabbitmq puts it into a URL without escaping it`,
      );
  const file = rabbitmq?.['default_user.conf'];
  if (file !== undefined && !file.includes(`default_pass = ${rabbitmq?.['password'] ?? ''}\n`))
    faults.push('Secret rabbitmq: default_user.conf has another password');
  if (producer && !producer['password']) faults.push('Secret producer: password is empty');
  // On the command line of redis-server it would be an option.
  if (redis && !/^[\w.~][\w.~-]*$/.test(redis['password'] ?? ''))
    faults.push(`Secret redis: password may have ${allowed} only, and not begin with "-"`);
  if (rabbitmq && amqp && !agrees(amqp['url'], rabbitmq['username'] ?? '', rabbitmq['password'] ?? ''))
    faults.push('Secret amqp: user and password of url are not those of Secret rabbitmq');
  if (redis && store && !agrees(store['url'], undefined, redis['password'] ?? ''))
    faults.push('Secret store: the password of url is not that of Secret redis');
  const keys = v.safeParse(signingKeys, signing?.['keys'] ?? '');
  if (signing && !keys.success) faults.push(`Secret signing: ${keys.issues[0].message}`);
  return faults;
}

function agrees(text: string | undefined, username: string | undefined, password: string): boolean {
  if (text === undefined || !URL.canParse(text)) return false;
  const url = new URL(text);
  const same = (encoded: string, wanted: string): boolean => {
    try {
      return decodeURIComponent(encoded) === wanted;
    } catch {
      return false;
    }
  };
  return same(url.password, password) && (username === undefined || same(url.username, username));
}
