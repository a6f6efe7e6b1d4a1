import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { startBrokers } from './broker/broker.ts';
import { systemClock, type Clock } from './broker/clock.ts';
import { openEmbedded } from './broker/embedded.ts';
import type { Queues } from './broker/queues.ts';
import { limit } from '../limit.ts';
import type { Eventing, Log, Send } from '../seams.ts';
import { startSource } from './source/source.ts';
import { startTick } from './tick.ts';
import { brokerUrl } from '../manifests/wiring/address.ts';
import type { Wiring } from '../manifests/wiring/wiring.ts';

export type EventingOptions = {
  wiring: Wiring;
  /** RabbitMQ's URL; without it the embedded broker in `stateFolder`. */
  amqpUrl?: string | undefined;
  stateFolder: string;
  send: Send;
  log: Log;
  clock?: Clock;
};

/** How long we wait for RabbitMQ to confirm the end of a consumer or connection: a silent one confirms none. */
const silentMs = 1000;

/** Starts what a wiring declares: Brokers with their Triggers, sources and ticks. */
export async function startEventing(options: EventingOptions): Promise<Eventing> {
  const { amqpUrl, stateFolder, log } = options;
  if (!amqpUrl) mkdirSync(stateFolder, { recursive: true });
  const queues = amqpUrl
    ? // Loads amqplib only for a RabbitMQ.
      await (await import('./broker/rabbitmq.ts')).openRabbit(amqpUrl, log)
    : openEmbedded(path.join(stateFolder, 'queues.sqlite'));
  try {
    return await startOn(queues, options);
  } catch (error) {
    await queues.close();
    throw error;
  }
}

async function startOn(queues: Queues, options: EventingOptions): Promise<Eventing> {
  const { wiring, send, log, clock = systemClock } = options;
  await queues.declare(wiring.topology);
  const stopping = new AbortController();
  const cutting = new AbortController();
  const running = { queues, send, log, clock, stopping: stopping.signal, cutting: cutting.signal };
  const brokers = await startBrokers({ ...running, wiring });
  const sources = await Promise.all(
    wiring.sources.map((source) =>
      startSource({ ...running, send: brokers.route, source, namespace: wiring.namespace }),
    ),
  );
  const ticks = wiring.pings.map((ping) =>
    startTick({ ping, namespace: wiring.namespace, send: brokers.route, clock, log }),
  );

  return {
    ingress(request) {
      const host = request.headers['host']?.split(':')[0];
      const broker =
        wiring.brokers.find(({ name }) => new URL(brokerUrl(wiring.namespace, name)).hostname === host) ??
        wiring.brokers[0];
      if (!broker) throw new Error('the wiring has no Broker');
      return brokers.receive(broker.name, request);
    },
    status: () => queues.counts(),
    async close(deadlineMs) {
      for (const tick of ticks) tick.stop();
      stopping.abort();
      const timer = setTimeout(() => {
        cutting.abort();
      }, deadlineMs);
      const ended = Promise.all([brokers.stop(), ...sources.map((source) => source.stop())]);
      await Promise.race([ended, limit(deadlineMs + silentMs)]);
      clearTimeout(timer);
      await Promise.race([queues.close(), limit(silentMs)]);
    },
  };
}
