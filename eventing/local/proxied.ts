import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Activator } from './activator.ts';
import type { Exchange } from './exchange.ts';
import { forwardedHeaders, staysHere } from './forwarded-headers.ts';
import { refusalAnswer } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Replica } from './replica.ts';

const cut = new Error('the exchange was ended');

/**
 * An HTTP request that is proxied to a replica, streaming both ways. A class: undici calls its methods for each request, and closures for
 * each would cost a tenth of the throughput.
 */
export class Proxied implements Exchange, Dispatcher.DispatchHandler {
  readonly arrivedMs = performance.now();
  replica: Replica | undefined = undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #activator: Activator;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #ended = false;
  #requestId: string | undefined = undefined;

  constructor(request: IncomingMessage, response: ServerResponse, activator: Activator) {
    this.#request = request;
    this.#response = response;
    this.#activator = activator;
    response.on('close', () => {
      if (!this.#ended) this.#end();
    });
  }

  begin(replica: Replica): void {
    const request = this.#request;
    const { headers, requestId } = forwardedHeaders(request);
    this.#requestId = requestId;
    const length = request.headers['content-length'];
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    replica.pool.dispatch(
      {
        path: request.url ?? '/',
        method: (request.method ?? 'GET') as Dispatcher.HttpMethod,
        headers,
        body: hasBody ? request : null,
      },
      this,
    );
  }

  refuse(refusal: Refusal): void {
    if (this.#ended) return;
    const response = this.#response;
    if (response.headersSent) response.destroy();
    else {
      const given = this.#request.headers['x-request-id'];
      const { status, headers, body } = refusalAnswer(
        refusal,
        this.#requestId ?? (typeof given === 'string' ? given : undefined),
      );
      response.writeHead(status, headers).end(body);
      this.#request.resume();
    }
    this.#end();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client went while the request waited for a connection.
    if (this.#ended) controller.abort(cut);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#ended || status < 200) return;
    const response = this.#response;
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined && !staysHere(name)) response.setHeader(name, value);
    }
    response.writeHead(status);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => {
      controller.resume();
    });
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#response.end();
    this.replica?.coldStart.answered();
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (error === cut) return;
    this.refuse({ status: 502, detail: `the function did not answer: ${error.message}` });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#controller && !this.#response.writableEnded) this.#controller.abort(cut);
    this.#activator.done(this);
  }
}
