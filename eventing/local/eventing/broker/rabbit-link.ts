import { connect, type ChannelModel, type RecoveringChannelModel } from 'amqplib';
import { Failure } from '../../../commands/command.ts';
import type { Log } from '../../seams.ts';

/**
 * Milliseconds: the longest wait between two attempts to connect, and for an answer to one. Then how often a first connection is tried (about
 * half a minute if refused).
 */
const maxDelay = 2000;
const answerMs = 5000;
const firstAttempts = 20;
const heartbeatSeconds = 10;

export type Link = {
  /** The connection, or undefined while there is none. */
  model(): ChannelModel | undefined;
  close(): Promise<void>;
};

/** A connection to RabbitMQ that comes back by itself; `setup` runs on each. Throws `Failure` when the first connection fails for good. */
export async function openLink(
  url: string,
  purpose: string,
  log: Log,
  setup: (model: ChannelModel) => Promise<void>,
): Promise<Link> {
  const address = new URL(url);
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', String(heartbeatSeconds));
  const at = `RabbitMQ at ${address.hostname}:${address.port || '5672'}`;
  let current: ChannelModel | undefined;
  let down = false;

  const link: RecoveringChannelModel = await connect(address.href, {
    // Otherwise Nagle and delayed acknowledgement hold each lone publish for some 40 ms.
    noDelay: true,
    // Until the connection is open: otherwise an unanswered attempt would be the last.
    timeout: answerMs,
    clientProperties: { connection_name: `kickoff ${purpose}` },
    recovery: {
      initialDelay: 100,
      maxDelay,
      initialMaxRetries: firstAttempts,
      waitForConnect: false,
      setup: async (model: ChannelModel) => {
        // A broken frame can arrive between the handshake and the listeners that recovery binds.
        model.on('error', () => undefined);
        await setup(model);
        current = model;
      },
    },
  });
  link.on('error', (error) => {
    log('rabbitmq', `${purpose}: ${error.message}`);
  });
  link.on('disconnect', (error) => {
    current = undefined;
    down = true;
    log('rabbitmq', `${purpose}: lost the connection to ${at}: ${error.message}`);
  });
  link.on('connect-failed', (error: Error) => {
    current = undefined;
    if (!down) log('rabbitmq', `${purpose}: ${at} does not answer, trying again: ${error.message}`);
    down = true;
  });
  link.on('connect', () => {
    if (down) log('rabbitmq', `${purpose}: connected to ${at} again`);
    down = false;
  });
  link.on('blocked', (reason) => {
    log('rabbitmq', `${purpose}: ${at} takes no messages for now: ${reason}`);
  });
  link.on('unblocked', () => {
    log('rabbitmq', `${purpose}: ${at} takes messages again`);
  });
  try {
    await link.waitForConnect();
  } catch (error) {
    throw new Failure(`${at} cannot be used: ${(error as Error).message}. Start it, or correct AMQP_URL.`, {
      cause: error,
    });
  }
  return {
    model: () => current,
    close: () => link.close(),
  };
}
