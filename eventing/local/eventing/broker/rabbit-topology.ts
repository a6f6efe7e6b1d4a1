import type { Channel, ChannelModel } from 'amqplib';
import { Failure } from '../../../commands/command.ts';
import type { Topology } from './queues.ts';

/** Declares a topology. Throws `Failure` if RabbitMQ has something else under a name, and names argument and remedy. */
export async function declareOn(model: ChannelModel, topology: Topology): Promise<void> {
  const channel = await openChannel(model);
  for (const { name, type, alternate } of topology.exchanges) {
    await declaring(`exchange ${name}`, () =>
      alternate === undefined
        ? channel.assertExchange(name, type, { durable: true })
        : assertWithAlternate(model, name, type, alternate),
    );
  }
  for (const queue of topology.queues) {
    await declaring(`queue ${queue.name}`, () => assertQueue(channel, queue));
  }
  for (const { exchange, queue, routingKey, arguments: args } of topology.bindings) {
    await declaring(`binding of ${queue} to ${exchange}`, () =>
      channel.bindQueue(queue, exchange, routingKey, args),
    );
  }
  await channel.close();
}

async function openChannel(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel();
  // A refused declaration closes the channel and rejects the call; the event says nothing more.
  channel.on('error', () => undefined);
  return channel;
}

/** One that was made without it, or with another, is made anew: an exchange holds no messages, and its bindings are declared behind it. */
async function assertWithAlternate(
  model: ChannelModel,
  name: string,
  type: string,
  alternate: string,
): Promise<void> {
  const assert = async (channel: Channel): Promise<void> => {
    await channel.assertExchange(name, type, { durable: true, alternateExchange: alternate });
    await channel.close();
  };
  try {
    await assert(await openChannel(model));
  } catch (error) {
    if (!/inequivalent arg 'alternate-exchange'/.test((error as Error).message)) throw error;
    const channel = await openChannel(model);
    await channel.deleteExchange(name);
    await assert(channel);
  }
}

function assertQueue(channel: Channel, queue: Topology['queues'][number]) {
  return channel.assertQueue(queue.name, { durable: true, arguments: queue.arguments });
}

async function declaring(what: string, declare: () => Promise<unknown>): Promise<void> {
  try {
    await declare();
  } catch (error) {
    throw new Failure(explain(what, error as Error), { cause: error });
  }
}

function explain(what: string, { message }: Error): string {
  const differs =
    /inequivalent arg '([^']+)'.*?(?:received (.+?) but current is (.+?)"?$|received none but current is .+$)/.exec(
      message,
    );
  if (!differs) return `${what} could not be declared in RabbitMQ: ${message}`;
  const [, argument, ours = 'none', theirs = 'something else'] = differs;
  const there = `${what} exists in RabbitMQ with another ${argument ?? 'argument'} (there ${theirs}, declared here ${ours}). `;
  if (what.startsWith('exchange '))
    return `${there}An exchange cannot be changed: delete it, when nobody else uses it (rabbitmqadmin delete exchange name=${what.slice('exchange '.length)}, of the management plugin).`;
  return (
    there +
    `Arguments of a queue cannot be changed: empty it and delete it (rabbitmqctl delete_queue), or put its ${argument ?? 'argument'} into eventing/queue.yaml (of a Trigger's queue: eventing/broker.yaml).`
  );
}
