import type { Retry } from '../../eventing/broker/backoff.ts';
import type { Topology } from '../../eventing/broker/queues.ts';

/** How a Trigger delivers; `timeoutMs` per attempt, `deadLetterSink` as a URL. */
export type DeliverySpec = Retry & { timeoutMs?: number | undefined; deadLetterSink?: string | undefined };

export type Broker = { name: string; queueType: 'quorum' | 'classic'; delivery?: DeliverySpec | undefined };

/** `filter`: attributes that must be equal, all of them; `subscriber`: a URL. */
export type Trigger = {
  name: string;
  broker: string;
  filter: Record<string, string>;
  subscriber: string;
  parallelism: number;
  delivery?: DeliverySpec | undefined;
};

export type Source = { name: string; queue: string; parallelism: number; delivery: Retry; sink: string };

export type Ping = {
  name: string;
  schedule: string;
  timezone?: string | undefined;
  contentType?: string | undefined;
  data?: string | undefined;
  sink: string;
};

/** Exchanges whose name fits `pattern` hand what nobody takes to `exchange`. */
export type Alternate = { pattern: RegExp; exchange: string };

/** What `eventing/*.yaml` declares, with references resolved to URLs of `namespace` and defaults filled in. */
export type Wiring = {
  namespace: string;
  brokers: Broker[];
  triggers: Trigger[];
  sources: Source[];
  pings: Ping[];
  /** Exchanges, queues and bindings that the topology operator creates in the cluster. */
  topology: Topology;
  alternates: Alternate[];
};
