import { at, textAt, type Document } from '../yaml/bundle.ts';
import type { Finding } from './finding.ts';

/** What a user of RabbitMQ may do, by regular expressions of names: in a virtual host, and by routing keys of topic exchanges. */
export type Rights = {
  permissions: { configure: string; write: string; read: string }[];
  topics: { exchange: string; write: string; read: string }[];
};

/** The exchange that producers publish to, and the routing key. */
export type Door = { exchange: string; key: string };

/** The door that the manifests declare: the topic exchange and its binding. */
export function doorOf(documents: readonly Document[]): Door {
  const topic = documents.find((one) => one.kind === 'Exchange' && textAt(one, 'spec', 'type') === 'topic');
  const exchange = textAt(topic, 'spec', 'name') ?? '';
  const binding = documents.find(
    (one) => one.kind === 'Binding' && textAt(one, 'spec', 'source') === exchange,
  );
  return { exchange, key: textAt(binding, 'spec', 'routingKey') ?? '' };
}

/** The rights that manifests give to the user of a Secret; undefined if they make none of it. */
export function rightsOf(documents: readonly Document[], secret: string): Rights | undefined {
  const user = documents.find(
    (one) => one.kind === 'User' && textAt(one, 'spec', 'importCredentialsSecret', 'name') === secret,
  );
  if (!user) return undefined;
  const given = (kind: string): unknown[] =>
    documents
      .filter((one) => one.kind === kind)
      .filter((one) => textAt(one, 'spec', 'userReference', 'name') === user.metadata.name)
      .map((one) => at(one, 'spec', 'permissions'));
  const text = (rights: unknown, name: string): string => textAt(rights, name) ?? '';
  return {
    permissions: given('Permission').map((one) => ({
      ...{ configure: text(one, 'configure'), write: text(one, 'write'), read: text(one, 'read') },
    })),
    topics: given('TopicPermission').map((one) => ({
      ...{ exchange: text(one, 'exchange'), write: text(one, 'write'), read: text(one, 'read') },
    })),
  };
}

/** Whether producers have a user that may publish through the door, and do nothing else. */
export function producerFinding(rights: Rights | undefined, door: Door, user: string): Finding {
  const fault = faultOf(rights, door);
  return {
    ok: fault === undefined,
    text: `producers on RabbitMQ: user ${user} ${fault ?? `may publish to ${door.exchange} with ${door.key}, and do nothing else`}`,
    remedy:
      'apply eventing/producer.yaml, or run the lines of docs/producing-events.md: who has more can read and answer what others ask',
  };
}

/** The patterns of no name, for RabbitMQ. */
const none = ['^$', ''];
const only = (name: string): string => `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`;

function faultOf(rights: Rights | undefined, { exchange, key }: Door): string | undefined {
  if (!rights) return 'does not exist: they would share one that may do everything';
  const { permissions, topics } = rights;
  const all = [...permissions, ...topics];
  if (permissions.length === 0) return 'has no rights';
  if (!permissions.every(({ configure }) => none.includes(configure))) return 'may declare and delete';
  if (!all.every(({ read }) => none.includes(read))) return 'may read';
  if (!permissions.every(({ write }) => write === only(exchange)))
    return `may publish elsewhere than to ${exchange}, or not there`;
  // An exchange without one takes every key.
  const here = topics.filter((one) => one.exchange === exchange);
  if (here.length === 0 || !here.every(({ write }) => write === only(key)))
    return `may publish to ${exchange} with another key than ${key}, or not with it`;
  return undefined;
}
