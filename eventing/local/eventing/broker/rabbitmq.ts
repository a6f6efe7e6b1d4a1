import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import type { Log } from '../../seams.ts';
import type { Delivery, Message, Queues, Topology } from './queues.ts';
import { openLink } from './rabbit-link.ts';
import { declareOn } from './rabbit-topology.ts';

/** Publishes that may wait for their confirm. More are refused: a blocked broker must not fill the memory. */
const maxUnconfirmed = 10_000;
/** Milliseconds before a consumer whose channel was closed, or whose queue is missing, tries again. */
const reconsume = 1000;
/** How many milliseconds the counts of a queue stay fresh. */
const countsAge = 1000;

type Taker = {
  queue: string;
  prefetch: number;
  onDelivery: (delivery: Delivery) => void;
  channel: Channel | undefined;
  tag: string | undefined;
  inFlight: number;
  ready: number;
  cancelled: boolean;
  /** Its failure to consume is already logged. */
  failing: boolean;
};

/**
 * RabbitMQ behind the seam of the embedded broker. Publishing has its own connection: under a memory alarm RabbitMQ stops reading from a
 * connection that publishes, and acknowledgements must still get through.
 */
export async function openRabbit(url: string, log: Log): Promise<Queues> {
  const declared: Topology[] = [];
  const takers = new Set<Taker>();
  /** Messages in the queues that are declared and not consumed. */
  const resting = new Map<string, number>();
  let publisher: Promise<ConfirmChannel> | undefined;
  let unconfirmed = 0;
  let counted = 0;
  let closing = false;

  const publishing = await openLink(url, 'publishing', log, async (model) => {
    publisher = openPublisher(model);
    await publisher;
  });
  const consuming = await openLink(url, 'consuming', log, async (model) => {
    // RabbitMQ may have come back empty.
    for (const topology of declared) await declareOn(model, topology);
    await Promise.all([...takers].map((taker) => attach(model, taker)));
  });

  async function openPublisher(model: ChannelModel): Promise<ConfirmChannel> {
    const channel = await model.createConfirmChannel();
    channel.on('error', (error) => {
      log('rabbitmq', `publishing: ${error.message}`);
    });
    channel.on('close', () => {
      publisher = undefined;
    });
    return channel;
  }

  async function publish(exchange: string, routingKey: string, message: Message): Promise<void> {
    const model = publishing.model();
    if (!model) throw new Error('there is no connection to RabbitMQ');
    // The connection can be up without its channel: RabbitMQ closes the channel when an exchange is missing.
    publisher ??= openPublisher(model).catch((error: unknown) => {
      publisher = undefined;
      throw error;
    });
    const channel = await publisher;
    if (unconfirmed >= maxUnconfirmed)
      throw new Error(`${unconfirmed} messages wait for their confirm already`);
    unconfirmed++;
    const { body, headers, contentType = '', messageId = '', timestamp } = message;
    try {
      await new Promise<void>((resolve, reject) => {
        channel.publish(
          exchange,
          routingKey,
          Buffer.from(body.buffer, body.byteOffset, body.byteLength),
          {
            headers,
            contentType,
            messageId,
            persistent: true,
            ...(timestamp === undefined ? {} : { timestamp }),
          },
          (error: unknown) => {
            if (error) reject(error instanceof Error ? error : new Error('refused by RabbitMQ'));
            else resolve();
          },
        );
      });
    } finally {
      unconfirmed--;
    }
  }

  async function attach(model: ChannelModel, taker: Taker): Promise<void> {
    const channel = await model.createChannel();
    taker.channel = channel;
    taker.inFlight = 0;
    channel.on('error', (error) => {
      if (!taker.failing) log('rabbitmq', `${taker.queue}: ${error.message}`);
    });
    channel.on('close', () => {
      again(taker, channel);
    });
    try {
      await channel.prefetch(taker.prefetch);
      const { consumerTag } = await channel.consume(taker.queue, (message) => {
        if (message) taker.onDelivery(deliveryOf(message, channel, taker));
        // A null message: the queue was deleted.
        else void channel.close().catch(() => undefined);
      });
      taker.tag = consumerTag;
      taker.failing = false;
    } catch (error) {
      if (!taker.failing) {
        log('rabbitmq', `${taker.queue} cannot be consumed, trying again: ${(error as Error).message}`);
      }
      taker.failing = true;
    }
  }

  function again(taker: Taker, channel: Channel): void {
    if (taker.channel !== channel) return;
    taker.channel = undefined;
    setTimeout(() => {
      const model = consuming.model();
      // Without a connection, the next one attaches every consumer.
      if (closing || taker.cancelled || taker.channel || !model) return;
      attach(model, taker).catch(() => undefined);
    }, reconsume).unref();
  }

  async function refreshCounts(): Promise<void> {
    const model = consuming.model();
    if (!model) return;
    const channel = await model.createChannel();
    channel.on('error', () => undefined);
    for (const taker of takers) taker.ready = (await channel.checkQueue(taker.queue)).messageCount;
    const consumed = new Set([...takers].map(({ queue }) => queue));
    for (const { name } of declared.flatMap(({ queues }) => queues))
      if (!consumed.has(name)) resting.set(name, (await channel.checkQueue(name)).messageCount);
    await channel.close();
  }

  return {
    async declare(topology) {
      const model = consuming.model();
      if (!model) throw new Error('there is no connection to RabbitMQ');
      await declareOn(model, topology);
      declared.push(topology);
    },
    publish,
    async consume(queue, prefetch, onDelivery) {
      const taker: Taker = {
        ...{ queue, prefetch, onDelivery, channel: undefined, tag: undefined },
        ...{ inFlight: 0, ready: 0, cancelled: false, failing: false },
      };
      takers.add(taker);
      const model = consuming.model();
      if (model) await attach(model, taker);
      return {
        async cancel() {
          taker.cancelled = true;
          takers.delete(taker);
          if (taker.tag !== undefined) await taker.channel?.cancel(taker.tag).catch(() => undefined);
        },
      };
    },
    counts() {
      if (performance.now() - counted > countsAge) {
        counted = performance.now();
        refreshCounts().catch(() => undefined);
      }
      return [
        ...[...takers].map(({ queue, ready, inFlight }) => ({ queue, ready, inFlight })),
        ...[...resting].map(([queue, ready]) => ({ queue, ready, inFlight: 0 })),
      ];
    },
    async close() {
      closing = true;
      await Promise.all([publishing.close(), consuming.close()]);
    },
  };
}

function deliveryOf(message: ConsumeMessage, channel: Channel, taker: Taker): Delivery {
  const { properties, fields, content } = message;
  taker.inFlight++;
  function settle(how: (message: ConsumeMessage) => void): void {
    if (taker.channel !== channel) return;
    taker.inFlight--;
    try {
      how(message);
    } catch {
      // The channel closed meanwhile: RabbitMQ gives the message again.
    }
  }
  return {
    headers: properties.headers ?? {},
    contentType: properties.contentType as string | undefined,
    messageId: properties.messageId as string | undefined,
    timestamp: properties.timestamp as number | undefined,
    body: content,
    redelivered: fields.redelivered,
    ack: () => {
      settle((each) => {
        channel.ack(each);
      });
    },
    reject: () => {
      settle((each) => {
        channel.nack(each, false, false);
      });
    },
  };
}
