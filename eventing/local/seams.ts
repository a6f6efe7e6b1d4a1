/** An HTTP request between parts of the local platform; header names are lower-case. */
export type HttpRequest = { method: string; path: string; headers: Record<string, string>; body: Uint8Array };

/** An HTTP response, complete; header names are lower-case. */
export type HttpResponse = { status: number; headers: Record<string, string>; body: Uint8Array };

/**
 * POSTs to a subscriber (`http://<function>.<namespace>.svc.cluster.local/<path>` reaches the local function, through its activator). Rejects on
 * a transport error, and after `timeoutMs` if given.
 */
export type Send = (
  url: string,
  request: { headers: Record<string, string>; body: Uint8Array },
  options?: { timeoutMs?: number; signal?: AbortSignal },
) => Promise<HttpResponse>;

/** One line of log from a named part of the platform. */
export type Log = (part: string, line: string) => void;

/** Running eventing: brokers, triggers, sources as `eventing/*.yaml` declares them. */
export type Eventing = {
  /** The Broker's ingress, as `http://<broker>-broker-ingress.<namespace>.svc.cluster.local/` answers. */
  ingress(request: HttpRequest): Promise<HttpResponse>;
  /** For the live table: messages ready and in flight by queue. */
  status(): { queue: string; ready: number; inFlight: number }[];
  /** Stops consuming, ends what is in flight within `deadlineMs`, closes connections. Unfinished messages are delivered again at the next start. */
  close(deadlineMs: number): Promise<void>;
};
