/** A message of AMQP 0-9-1, as far as eventing uses one. `timestamp` in seconds since 1970. */
export type Message = {
  headers: Record<string, unknown>;
  contentType?: string | undefined;
  messageId?: string | undefined;
  timestamp?: number | undefined;
  body: Uint8Array;
};

/** A message handed to a consumer, which settles it once. After a lost connection a settlement does nothing: the message comes again. */
export type Delivery = Message & {
  redelivered: boolean;
  ack(): void;
  /** Refuses it without requeue: it goes to the queue's dead-letter exchange, if there is one. */
  reject(): void;
};

export type Exchange = {
  name: string;
  type: 'headers' | 'direct' | 'fanout' | 'topic';
  /** The exchange that gets what no binding of this one takes. */
  alternate?: string | undefined;
};
export type Queue = { name: string; arguments: Record<string, unknown> };
export type Binding = {
  exchange: string;
  queue: string;
  routingKey: string;
  arguments: Record<string, unknown>;
};

/** Exchanges, queues (all durable) and bindings. */
export type Topology = { exchanges: Exchange[]; queues: Queue[]; bindings: Binding[] };

export type Consumer = {
  /** Stops deliveries; resolves when no more will come. Messages handed out before can still be settled. */
  cancel(): Promise<void>;
};

/** A message broker, reduced to what eventing needs of RabbitMQ. */
export type Queues = {
  /** Creates what is missing. Throws if something of that name has other arguments, and names argument and remedy. */
  declare(topology: Topology): Promise<void>;
  /**
   * Resolves when the broker has confirmed that it keeps the message; one that neither a binding takes nor the alternate exchange is dropped.
   * Rejects on a refusal or a lost connection.
   */
  publish(exchange: string, routingKey: string, message: Message): Promise<void>;
  /** Consumes in the order of the queue, with at most `prefetch` unsettled messages. Continues by itself after a lost connection. */
  consume(queue: string, prefetch: number, onDelivery: (delivery: Delivery) => void): Promise<Consumer>;
  /** Of the queues that are declared or consumed. */
  counts(): { queue: string; ready: number; inFlight: number }[];
  close(): Promise<void>;
};
