import { expect, test } from 'vitest';
import { faultsOf } from '../../../../manifests/commands/secrets/faults.ts';
import { newSecrets, ownRabbit } from '../../../../manifests/commands/secrets/plan.ts';

const every = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-';

function secrets(
  rabbit = ownRabbit(`amqp://${every}:${every}@rabbit.example.net`),
): Record<string, Record<string, string>> {
  const made = Object.entries(newSecrets('kickoff', rabbit));
  return Object.fromEntries(made.map(([name, { values }]) => [name, { ...values }]));
}

test('new Secrets have no fault, also with every character that is allowed', () => {
  expect(faultsOf(secrets())).toEqual([]);
  const redis = { redis: { password: every }, store: { url: `redis://:${every}@redis.kickoff.svc:6379` } };
  expect(faultsOf({ ...secrets(), ...redis })).toEqual([]);
  expect(faultsOf({})).toEqual([]);
});

test.each(' !"#$%&\'()*+,/:;<=>?@[\\]^`{|}\n\té'.split(''))(
  'a password with %j is refused, and not told',
  (character) => {
    const rabbitmq = { ...secrets()['rabbitmq'], password: `hunter${character}2` };
    const redis = { password: `hunter${character}2` };
    const faults = faultsOf({ rabbitmq, redis });
    expect(
      faults.filter((one) => one.includes('may have letters, digits, "-", "_", "." and "~" only')),
    ).toHaveLength(2);
    expect(faults.join()).not.toContain('hunter');
  },
);

test('passwords that stand in two places must be the same', () => {
  const changed = (name: string, key: string, value: string): string[] => {
    const all = secrets();
    return faultsOf({ ...all, [name]: { ...all[name], [key]: value } });
  };
  expect(changed('rabbitmq', 'password', 'new')).toEqual([
    'Secret rabbitmq: default_user.conf has another password',
    'Secret amqp: user and password of url are not those of Secret rabbitmq',
  ]);
  expect(changed('redis', 'password', 'new')).toEqual([
    'Secret store: the password of url is not that of Secret redis',
  ]);
  expect(changed('redis', 'password', '--new')[0]).toMatch(/not begin with "-"/);
  expect(changed('store', 'url', 'redis')).toHaveLength(1);
  expect(changed('amqp', 'url', 'amqp://%zz:x@rabbit')).toHaveLength(1);
  expect(changed('producer', 'password', '')).toEqual(['Secret producer: password is empty']);
  expect(changed('signing', 'keys', 'x')).toEqual([
    expect.stringMatching(/^Secret signing: key 1 has 1 characters/),
  ]);
});
