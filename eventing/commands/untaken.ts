import { connect } from 'amqplib';
import * as v from 'valibot';
import { amqpUrl, readConfig } from '../../functions/shared/config.ts';
import { type Command, Refusal } from './command.ts';

const queue = 'ml.dead';

/** How many messages of RabbitMQ nobody took or could read; undefined without AMQP_URL. Throws `Refusal` if it cannot be asked. */
export async function untakenMessages({ env }: Pick<Command, 'env'>): Promise<number | undefined> {
  const { AMQP_URL: url } = readConfig(v.object({ AMQP_URL: v.optional(amqpUrl) }), env);
  if (url === undefined) return undefined;
  try {
    const model = await connect(url, { timeout: 5000 });
    model.on('error', () => undefined);
    try {
      const channel = await model.createChannel();
      channel.on('error', () => undefined);
      return (await channel.checkQueue(queue)).messageCount;
    } finally {
      await model.close();
    }
  } catch (error) {
    throw new Refusal(`AMQP_URL: queue ${queue} cannot be asked: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
