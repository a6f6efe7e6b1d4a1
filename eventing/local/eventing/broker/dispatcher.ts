import type { HttpResponse } from '../../seams.ts';
import { toMessage, fromMessage } from './amqp-binding.ts';
import { attempt, type Attempted, type AttemptOptions } from './attempt.ts';
import { NotAnEvent, type Event, type Trace } from './event.ts';
import { carriesEvent, complete, fromHttp, toHttp, traceOf } from './http-binding.ts';
import type { Delivery } from './queues.ts';

export type DispatcherOptions = AttemptOptions & {
  subscriber: string;
  /** Where replies go: the Broker's ingress. */
  ingress: string;
  /** Publishes to the dead-letter exchange, or undefined where the event is dropped. */
  deadLetter: ((message: ReturnType<typeof toMessage>) => Promise<void>) | undefined;
  log: (line: string) => void;
};

/**
 * Delivers one message to a Trigger's subscriber and its reply to the Broker (eventing-rabbitmq, pkg/dispatcher). As there, the original is acked
 * before it is published as a dead letter. An answer that is not tried again counts as delivered, even a 4xx.
 */
export async function dispatch(delivery: Delivery, options: DispatcherOptions): Promise<void> {
  const event = readEvent(delivery, options);
  if (!event) {
    delivery.ack();
    return;
  }
  const trace = traceOf(delivery.headers);
  const result = await post(event, trace, options);
  if (!delivered(result, options)) {
    options.log(`${describe(event)}: ${failure(result)} from ${options.subscriber}`);
    await giveUp(delivery, event, trace, result.response?.status ?? -1, options);
    return;
  }
  const { response } = result;
  if (response && carriesEvent(response.headers)) {
    const failed = await forward(response, options);
    if (failed) {
      options.log(`${describe(event)}: the reply of ${options.subscriber} could not be sent on: ${failed}`);
      await giveUp(delivery, event, trace, response.status, options);
      return;
    }
  }
  delivery.ack();
}

/** Delivers one dead letter to its sink. Acked in every case: a sink that stays down loses it, as in the cluster. */
export async function dispatchDeadLetter(delivery: Delivery, options: DispatcherOptions): Promise<void> {
  const event = readEvent(delivery, options);
  if (!event) {
    delivery.ack();
    return;
  }
  const trace = traceOf(delivery.headers);
  const result = await post(event, trace, options);
  const { response } = result;
  if (!delivered(result, options)) {
    options.log(
      `${describe(event)} is lost: ${failure(result)} from the dead-letter sink ${options.subscriber}`,
    );
  } else if (response && carriesEvent(response.headers)) {
    const failed = await forward(response, options);
    if (failed) options.log(`the reply of the dead-letter sink to ${describe(event)} is lost: ${failed}`);
  }
  delivery.ack();
}

function readEvent(delivery: Delivery, { log }: DispatcherOptions): Event | undefined {
  try {
    return fromMessage(delivery, 'rabbitmq-dispatcher');
  } catch (error) {
    log(`dropped a message that is no CloudEvent: ${(error as Error).message}`);
    return undefined;
  }
}

async function post(event: Event, trace: Trace | undefined, options: DispatcherOptions): Promise<Attempted> {
  let headers: Record<string, string>;
  try {
    // Only the request gets a missing time: a dead letter is the event as it came.
    headers = toHttp(complete({ ...event, attributes: { ...event.attributes } }, options.clock.now), trace);
  } catch (error) {
    if (error instanceof NotAnEvent) return { response: undefined, attempts: 0, error: error.message };
    throw error;
  }
  return attempt(options.subscriber, { headers, body: event.data }, options);
}

/** Sends a reply to the Broker. Returns why it could not, or undefined. A reply that cannot be read counts as none, as in the cluster. */
async function forward(response: HttpResponse, options: DispatcherOptions): Promise<string | undefined> {
  let reply: Event;
  try {
    reply = fromHttp(response.headers, response.body);
  } catch (error) {
    if (!(error instanceof NotAnEvent)) throw error;
    options.log(`the reply of ${options.subscriber} is lost, it cannot be read: ${error.message}`);
    return undefined;
  }
  try {
    complete(reply, options.clock.now);
  } catch (error) {
    if (error instanceof NotAnEvent) return error.message;
    throw error;
  }
  const result = await attempt(options.ingress, { headers: toHttp(reply), body: reply.data }, options);
  return delivered(result, options) ? undefined : `${failure(result)} from ${options.ingress}`;
}

async function giveUp(
  delivery: Delivery,
  event: Event,
  trace: Trace | undefined,
  code: number,
  { deadLetter, subscriber, log }: DispatcherOptions,
): Promise<void> {
  delivery.ack();
  event.attributes['knativeerrordest'] = subscriber;
  event.attributes['knativeerrorcode'] = code;
  if (!deadLetter) {
    log(`${describe(event)} is lost: there is no dead-letter sink`);
    return;
  }
  try {
    await deadLetter(toMessage(event, trace));
  } catch (error) {
    log(`${describe(event)} is lost: the dead letter was not published: ${String(error)}`);
  }
}

function delivered({ response }: Attempted, { retries }: DispatcherOptions): boolean {
  return response !== undefined && !retries(response.status);
}

function failure({ response, attempts, error }: Attempted): string {
  return `${response ? `status ${response.status}` : (error ?? 'no answer')} after ${attempts} attempts`;
}

function describe({ attributes }: Event): string {
  return `event ${String(attributes['id'])} of type ${String(attributes['type'])}`;
}
