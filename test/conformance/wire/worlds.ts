import { connect } from 'amqplib';
import { openEmbedded } from '../../../eventing/local/eventing/broker/embedded.ts';
import type { Queues } from '../../../eventing/local/eventing/broker/queues.ts';
import { openRabbit } from '../../../eventing/local/eventing/broker/rabbitmq.ts';
import { debian } from '../../needs.ts';
import { startRabbit, type Rabbit } from '../../servers/rabbitmq.ts';
import { temporaryFolder } from '../../eventing/local/eventing/world.ts';

/** Where the Broker's suite runs: on the embedded broker, or on a real RabbitMQ. */
export type World = {
  name: string;
  missing: string | undefined;
  start(): Promise<Running>;
};

export type Running = {
  rabbit: Rabbit | undefined;
  amqpUrl: string | undefined;
  stateFolder: string;
  /** The message queues of `startEventing` with these settings, opened a second time or alone. */
  open(): Promise<Queues>;
  /** delivery_mode of the next message of a queue, where AMQP shows it. */
  deliveryMode(queue: string): Promise<number | undefined>;
  end(): Promise<void>;
};

export const embedded: World = {
  name: 'embedded broker',
  missing: undefined,
  async start() {
    const { folder, remove } = temporaryFolder();
    let number = 0;
    return {
      rabbit: undefined,
      amqpUrl: undefined,
      stateFolder: folder,
      open: async () => openEmbedded(`${folder}/${++number}.sqlite`),
      deliveryMode: async () => undefined,
      end: async () => {
        remove();
      },
    };
  },
};

/** The same on RabbitMQ from Debian. */
export async function rabbitWorld(): Promise<World> {
  const need = await debian('rabbitmq-server', 'rabbitmq-server');
  return {
    name: 'RabbitMQ',
    missing: 'missing' in need ? need.missing : undefined,
    async start() {
      if ('missing' in need) throw new Error(need.missing);
      const rabbit = await startRabbit(need.path);
      const { folder, remove } = temporaryFolder();
      return {
        rabbit,
        amqpUrl: rabbit.url,
        stateFolder: folder,
        open: () => openRabbit(rabbit.url, () => undefined),
        async deliveryMode(queue) {
          const model = await connect(rabbit.url);
          const channel = await model.createChannel();
          const message = await channel.get(queue);
          await model.close();
          return message === false ? undefined : (message.properties.deliveryMode as number | undefined);
        },
        async end() {
          await rabbit.remove();
          remove();
        },
      };
    },
  };
}
