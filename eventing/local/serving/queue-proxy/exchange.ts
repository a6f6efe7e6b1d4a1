import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Waiting } from './breaker.ts';
import { holdBackEarly, isLong, linger } from '../hold-back.ts';

/** Emits an event of the function's own server. */
export type ToFunction = (event: string, ...args: unknown[]) => unknown;

/**
 * A connection that was handed over, with what is in flight on it: one, unless its client pipelines. Not one set of all: V8 would keep what a
 * set held when it grew, requests and answers with it, until the next full collection (50 MiB under load).
 */
export type Connection = { readonly inFlight: Exchange[]; leaving: boolean; upgradedMs: number | undefined };

/** A request on its way to the function. A class: closures for each request would cost throughput. */
export class Exchange implements Waiting {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly arrivedMs: number;
  /** Undefined if it came through the activator. */
  readonly connection: Connection | undefined;
  /** Whether the function has it. */
  begun = false;
  overtime = false;
  readonly #toFunction: ToFunction;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    {
      connection,
      arrivedMs,
      toFunction,
    }: { connection: Connection | undefined; arrivedMs: number; toFunction: ToFunction },
  ) {
    this.request = request;
    this.response = response;
    this.connection = connection;
    this.arrivedMs = arrivedMs;
    this.#toFunction = toFunction;
  }

  begin(): void {
    this.begun = true;
    if (!this.request.complete) {
      if (this.connection) holdBackEarly(this.request, this.response);
      else if (isLong(this.request)) linger(this.request.socket);
    }
    this.#toFunction('request', this.request, this.response);
  }
}
