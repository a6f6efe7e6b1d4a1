import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Activator } from './activator.ts';
import type { Exchange, Replica } from './exchange.ts';
import { forwardedHeaders, hasBody, staysHere } from './forwarded-headers.ts';
import { gatewayAnswer } from './gateway.ts';
import { holdBack, isLong } from './hold-back.ts';
import { httpError, noAnswer, sendRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { connectionFailed } from './replica.ts';

const cut = new Error('the exchange was ended');

/** Go's server keeps so much of an answer with a Content-Length before it sends the head (net/http, bufferBeforeChunkingSize and its writer). */
const keptBytes = 4096;

/** Takes an HTTP request to its function, unless the platform answers it itself. */
export function proxy(request: IncomingMessage, response: ServerResponse, activator: Activator): void {
  const answer = gatewayAnswer(request, 'activator');
  if (answer) sendRefusal(response, answer);
  else if (!hasBody(request)) activator.submit(new Proxied(request, response, activator, null));
  // By then a body that came with the head is parsed; ticks run between the two.
  else
    setImmediate(() => {
      activator.submit(new Proxied(request, response, activator, bodyOf(request)));
    });
}

/** The body of a request, whole if it is there, else as it comes. Without a length it stays without one. */
function bodyOf(request: IncomingMessage): Buffer | Readable | null {
  if (!request.complete) return streamOf(request);
  const whole = request.read() as Buffer | null;
  if (request.headers['transfer-encoding'] === undefined || whole === null) return whole;
  return Readable.from([whole]);
}

/** The body of a request as a stream that undici may destroy. Destroying the request itself would close the client's connection. */
function streamOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  body.on('error', () => undefined);
  request.on('close', () => {
    if (!request.complete) body.destroy();
  });
  request.pipe(body);
  // An answer may come before the body was read (413). The rest is read off, or the connection's next request would wait behind it. After `pipe`:
  // its own listener pauses the request.
  body.on('close', () => request.resume());
  return body;
}

/**
 * An HTTP request that is proxied to a replica, streaming both ways. A class: undici calls its methods for each request, and closures would cost
 * a tenth of the throughput.
 */
class Proxied implements Exchange, Dispatcher.DispatchHandler {
  readonly arrivedMs = performance.now();
  replica: Replica | undefined = undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #activator: Activator;
  readonly #body: Buffer | Readable | null;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #begun = false;
  /** The client has gone. */
  #left = false;
  #ended = false;
  /** The function's answer is complete. */
  #answered = false;
  /** An informational status came: Knative's recorder takes it for the only one, and the final one becomes 200. */
  #informed = false;
  /** Status and headers that are not sent yet: those of an answer with a length wait for more of it. */
  #head: { status: number; headers: string[] } | undefined = undefined;
  /** Content-Length of the answer; NaN where it has none. */
  #length = NaN;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    activator: Activator,
    body: Buffer | Readable | null,
  ) {
    this.#body = body;
    this.#request = request;
    this.#response = response;
    this.#activator = activator;
    response.on('close', () => {
      this.#left = true;
      // One with a body that waits is run when its turn comes: Go notices that a client has gone only once it has read the body.
      if (this.#begun || !(this.#body && request.complete)) this.#end();
    });
  }

  begin(replica: Replica): void {
    this.#begun = true;
    const request = this.#request;
    replica.pool.dispatch(
      {
        path: request.url ?? '/',
        method: request.method ?? 'GET',
        headers: forwardedHeaders(request),
        body: this.#body,
      },
      this,
    );
  }

  refuse(refusal: Refusal): void {
    if (this.#ended) return;
    const response = this.#response;
    if (!response.headersSent) {
      if (!this.#request.complete) holdBack(this.#request);
      sendRefusal(response, refusal);
    } // At the time limit an answer without a length ends as if it were whole.
    else if (refusal.status === 504 && Number.isNaN(this.#length)) response.end(refusal.body);
    else response.destroy();
    this.#end();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client left while the request waited for a connection.
    if (this.#ended) controller.abort(cut);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) this.#informed = true;
    if (this.#ended || this.#left || status < 200) return;
    // Flat, because Node writes it as it is: `setHeader` for each would build a map first.
    const sent: string[] = [];
    const { connection = '' } = headers;
    const named = connection.split(',').map((each) => each.trim().toLowerCase());
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined || staysHere(name) || named.includes(name)) continue;
      if (typeof value === 'string') sent.push(name, value);
      else for (const each of value) sent.push(name, each);
    }
    this.#head = { status: this.#informed ? 200 : status, headers: sent };
    const length = headers['content-length'];
    if (length !== undefined) this.#length = Number(length);
    else {
      // The client of a stream sees the head before the first chunk.
      this.#sendHead();
      this.#response.flushHeaders();
    }
  }

  #sendHead(): void {
    if (!this.#head) return;
    const { status, headers } = this.#head;
    this.#head = undefined;
    const request = this.#request;
    if (!request.complete) {
      if (isLong(request)) headers.push('connection', 'close');
      holdBack(request);
    }
    this.#response.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // Nobody would drain it.
    if (this.#ended || this.#left) return;
    if (!this.#head) {
      this.#write(controller, chunk);
      return;
    }
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    // All of it: the answer ends within this call of undici's, and takes it along.
    if (this.#keptBytes === this.#length || this.#keptBytes < keptBytes) return;
    this.#sendHead();
    this.#write(controller, this.#takeKept());
  }

  #takeKept(): Buffer | undefined {
    const [only, ...more] = this.#kept.splice(0);
    return only && more.length > 0 ? Buffer.concat([only, ...more]) : only;
  }

  #write(controller: Dispatcher.DispatchController, chunk: Buffer | undefined): void {
    if (chunk === undefined || this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once('drain', () => {
      controller.resume();
    });
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#sendHead();
    this.#response.end(this.#takeKept());
    this.replica?.coldStart.answered();
    this.#answered = true;
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    const failed = connectionFailed(error);
    if (failed) this.replica?.suspect();
    // No connection began it: nothing of it was sent.
    if (failed && !this.#controller) this.#activator.unsent(this);
    else this.refuse(failed ? noAnswer : httpError(502, error.message));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#body instanceof Readable) this.#body.destroy();
    if (!this.#answered) this.#controller?.abort(cut);
    this.#activator.done(this);
  }
}
