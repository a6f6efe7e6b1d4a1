import type { ChannelModel, ConfirmChannel, RecoveringChannelModel } from 'amqplib';
import { type Event, structuredMessage } from '../../../shared/events/cloudevents.ts';
import { describe, type Log } from '../../../shared/log.ts';
import type { Publisher } from './publisher.ts';

type Target = { url: string; exchange: string; routingKey: string };

/**
 * Publishes to RabbitMQ in structured mode, persistent, mandatory, on a confirm channel. This is the one form that the CloudEvents AMQP binding
 * and RabbitmqSource read alike. Connects at once, in the background, and again whenever the connection ends. It does not wait for a broker that
 * is known to be away or blocked (memory or disk alarm).
 */
export function createAmqpPublisher({ url, exchange, routingKey }: Target, log: Log): Publisher {
  const returned = new Set<string>();
  let channel: ConfirmChannel | undefined;
  let away: Error | undefined;
  let drained: Promise<void> | undefined;
  let tellFirst: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    tellFirst = resolve;
  });

  function lost(error: Error): void {
    channel = undefined;
    away = error;
    tellFirst();
  }

  async function open(model: ChannelModel): Promise<void> {
    const opened = await model.createConfirmChannel();
    // Without listeners an error event ends the process.
    opened.on('error', (error) => {
      log.warn('the AMQP channel failed', { error: describe(error) });
    });
    opened.on('close', () => {
      if (channel !== opened) return;
      lost(new Error('the AMQP channel was closed'));
      // Recovery starts with a new connection, not a new channel.
      model.close().catch(() => undefined);
    });
    opened.on('return', (message) => returned.add(String(message.properties.messageId)));
    await check(opened, exchange);
    channel = opened;
    away = undefined;
    drained = undefined;
    tellFirst();
    log.info('connected to RabbitMQ');
  }

  async function connect(): Promise<RecoveringChannelModel> {
    // A lazily imported CommonJS package has only a default in the bundle, its names too in Node.
    const { default: amqp } = await import('amqplib');
    const model = await amqp.connect(url, {
      // Without it a lone publish waits some 44 ms for the delayed ACK.
      noDelay: true,
      timeout: 5000,
      recovery: { initialDelay: 100, maxDelay: 2000, waitForConnect: false, setup: open },
    });
    model.on('error', (error) => {
      lost(error);
    });
    model.on('disconnect', (error: Error) => {
      lost(error);
      log.warn('the connection to RabbitMQ ended: connecting again', { error: describe(error) });
    });
    model.on('connect-failed', (error: Error) => {
      if (away === undefined) log.warn('cannot reach RabbitMQ: trying again', { error: describe(error) });
      lost(error);
    });
    model.on('blocked', (reason) => {
      away = new Error(`RabbitMQ blocks publishers: ${reason}`);
      log.warn(away.message);
    });
    model.on('unblocked', () => {
      away = undefined;
    });
    return model;
  }
  const connection = connect();
  connection.catch((error: unknown) => {
    lost(error instanceof Error ? error : new Error(String(error)));
    log.error('cannot use AMQP_URL', { error });
  });

  async function confirmed(event: Event): Promise<void> {
    await first;
    await drained;
    if (away !== undefined) throw new Error(`not published: ${away.message}`, { cause: away });
    const { id } = event;
    const opened = channel;
    if (!opened) throw new Error('not published: no connection to RabbitMQ');
    await new Promise<void>((resolve, reject) => {
      const options = {
        contentType: 'application/cloudevents+json',
        // RabbitmqSource reads the header, not the property.
        headers: { 'content-type': 'application/cloudevents+json' },
        messageId: id,
        persistent: true,
        mandatory: true,
      };
      const content = Buffer.from(structuredMessage(event).body);
      const more = opened.publish(exchange, routingKey, content, options, (error: unknown) => {
        const unroutable = returned.delete(id);
        if (error) reject(new Error('not published: RabbitMQ refused the message', { cause: error }));
        else if (unroutable)
          reject(
            new Error(
              `not published: no queue is bound to exchange ${exchange} for routing key ${routingKey}`,
            ),
          );
        else resolve();
      });
      if (!more)
        drained = new Promise((drain) => {
          opened.once('drain', drain);
          opened.once('close', drain);
        });
    });
  }

  return {
    async publish(event, deadlineMs) {
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new Error(`not published: RabbitMQ did not confirm within ${deadlineMs} ms`));
        }, deadlineMs);
      });
      try {
        await Promise.race([confirmed(event), deadline]);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      await connection.then(
        (model) => model.close(),
        () => undefined,
      );
    },
  };
}

/** Asks whether the exchange exists, without declaring it: `eventing/` states how. A queue that is not bound shows at the first publish. */
async function check(channel: ConfirmChannel, exchange: string): Promise<void> {
  try {
    await channel.checkExchange(exchange);
  } catch (error) {
    throw new Error(`exchange ${exchange} is not there: declare it as eventing/queue.yaml states`, {
      cause: error,
    });
  }
}
