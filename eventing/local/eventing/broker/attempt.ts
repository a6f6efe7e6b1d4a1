import type { HttpResponse, Send } from '../../seams.ts';
import { backoff, type Retry } from './backoff.ts';
import type { Clock } from './clock.ts';

/** How a delivery ended: the last answer, or none (transport error, timeout). `attempts` counts the requests made. */
export type Attempted = { response: HttpResponse | undefined; attempts: number; error: string | undefined };

/** A shutdown cut a delivery short: nothing was decided, the message must stay in its queue. */
export class Interrupted extends Error {}

export type AttemptOptions = {
  send: Send;
  clock: Clock;
  retry: Retry;
  timeoutMs: number | undefined;
  retries: (status: number) => boolean;
  /** Ends waits between attempts. */
  stopping: AbortSignal;
  /** Ends requests in flight. */
  cutting: AbortSignal;
};

/** POSTs until an answer is final or the retries are used up. Throws Interrupted only. */
export async function attempt(
  url: string,
  request: { headers: Record<string, string>; body: Uint8Array },
  { send, clock, retry, timeoutMs, retries, stopping, cutting }: AttemptOptions,
): Promise<Attempted> {
  const options = { signal: cutting, ...(timeoutMs ? { timeoutMs } : {}) };
  for (let attempts = 1; ; attempts++) {
    let response: HttpResponse | undefined;
    let error: string | undefined;
    try {
      response = await send(url, request, options);
      if (!retries(response.status)) return { response, attempts, error };
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    if (cutting.aborted) throw new Interrupted();
    if (attempts > retry.retry) return { response, attempts, error };
    try {
      await clock.wait(backoff(retry.backoffPolicy, retry.backoffDelayMs, attempts), stopping);
    } catch {
      throw new Interrupted();
    }
  }
}
