import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Activator } from './activator.ts';
import type { Exchange, Replica } from './exchange.ts';
import { staysHere } from './forwarded-headers.ts';
import { noAnswer } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { connectionFailed } from './replica.ts';
import type { HttpResponse } from '../seams.ts';

type Outcome = { resolve(response: HttpResponse): void; reject(error: Error): void };

/** A POST of eventing's. It goes to the activator without a hop over HTTP; request and answer are complete in memory. */
export class Sent implements Exchange, Dispatcher.DispatchHandler {
  readonly arrivedMs = performance.now();
  replica: Replica | undefined = undefined;
  readonly #path: string;
  readonly #request: { headers: Record<string, string>; body: Uint8Array };
  readonly #activator: Activator;
  readonly #outcome: Outcome;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #ended = false;
  #left = false;
  #informed = false;
  #status = 0;
  #headers: Record<string, string> = {};
  readonly #chunks: Buffer[] = [];

  constructor(
    path: string,
    request: { headers: Record<string, string>; body: Uint8Array },
    activator: Activator,
    outcome: Outcome,
  ) {
    this.#path = path;
    this.#request = request;
    this.#activator = activator;
    this.#outcome = outcome;
  }

  begin(replica: Replica): void {
    const { headers, body } = this.#request;
    replica.pool.dispatch(
      {
        path: this.#path,
        method: 'POST',
        headers: { ...headers, 'k-proxy-request': 'activator' },
        body,
      },
      this,
    );
  }

  refuse({ status, headers, body }: Refusal): void {
    if (this.#ended) return;
    this.#end(true);
    this.#outcome.resolve({ status, headers, body: Buffer.from(body) });
  }

  /**
   * Gives up on the answer: the sender sees `error`, a replica that has the request a closed connection. One that waits is run when its turn comes,
   * as on a cluster: Go notices that a sender has gone only once it has read the body.
   */
  abandon(error: Error): void {
    if (this.#ended || this.#left) return;
    this.#left = true;
    if (this.#controller || this.#request.body.byteLength === 0) this.#end(true);
    this.#outcome.reject(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new Error('abandoned'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // An informational status counts as the only one, and the final one as 200 (knative/serving pkg/http/response_recorder.go).
    if (status < 200) this.#informed = true;
    if (status < 200) return;
    this.#status = this.#informed ? 200 : status;
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined && !staysHere(name))
        this.#headers[name] = typeof value === 'string' ? value : value.join(', ');
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.replica?.coldStart.answered();
    this.#end(false);
    const [only = Buffer.alloc(0), ...more] = this.#chunks;
    const body = more.length === 0 ? only : Buffer.concat(this.#chunks);
    this.#outcome.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    const failed = connectionFailed(error);
    if (failed) this.replica?.suspect();
    // No connection began it: nothing of it was sent.
    if (failed && !this.#controller) this.#activator.unsent(this);
    else this.refuse(noAnswer);
  }

  #end(abort: boolean): void {
    this.#ended = true;
    if (abort) this.#controller?.abort(new Error('abandoned'));
    this.#activator.done(this);
  }
}
