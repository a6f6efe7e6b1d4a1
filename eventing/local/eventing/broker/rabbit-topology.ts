import type { Channel, ChannelModel } from 'amqplib';
import { Failure } from '../../../commands/command.ts';
import type { Topology } from './queues.ts';

/** Declares a topology. Throws `Failure` if RabbitMQ has something else under a name, and names argument and remedy. */
export async function declareOn(model: ChannelModel, topology: Topology): Promise<void> {
  const channel = await model.createChannel();
  // A refused declaration closes the channel and rejects the call; the event says nothing more.
  channel.on('error', () => undefined);
  for (const { name, type } of topology.exchanges) {
    await declaring(`exchange ${name}`, () => channel.assertExchange(name, type, { durable: true }));
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
  return (
    `${what} exists in RabbitMQ with another ${argument ?? 'argument'} (there ${theirs}, declared here ${ours}). ` +
    `Arguments of a queue cannot be changed: empty it and delete it (rabbitmqctl delete_queue), or put its ${argument ?? 'argument'} into eventing/queue.yaml (of a Trigger's queue: eventing/broker.yaml).`
  );
}
