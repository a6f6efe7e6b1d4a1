import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Activator } from './activator.ts';
import type { Exchange, Replica } from './exchange.ts';
import { forwardedHeaders, staysHere } from './forwarded-headers.ts';
import { refusalAnswer } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { connectionFailed } from './replica.ts';

const cut = new Error('the exchange was ended');

/** Bodies up to this size are read before a replica is taken: a slow upload occupies none. */
const smallBodyBytes = 65_536;

/** Takes an HTTP request to its function. One that no client could send on is answered with 400. */
export function proxy(request: IncomingMessage, response: ServerResponse, activator: Activator): void {
  const detail = faultOf(request);
  if (detail !== undefined) {
    const { status, headers, body } = refusalAnswer({ status: 400, detail }, undefined);
    response.writeHead(status, headers).end(body);
    return;
  }
  const length = request.headers['content-length'];
  const size = length === undefined ? 0 : Number(length);
  if (request.headers['transfer-encoding'] === undefined && size === 0)
    activator.submit(new Proxied(request, response, activator, null));
  else if (length !== undefined && size <= smallBodyBytes) {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [only = null, ...more] = chunks;
      const body = more.length === 0 ? only : Buffer.concat(chunks);
      activator.submit(new Proxied(request, response, activator, body));
    });
  } else activator.submit(new Proxied(request, response, activator, streamOf(request)));
}

/** A fault that Node's server lets through and undici's Pool refuses: the Pool counts such a request against its client for ever. */
function faultOf({ url = '/', rawHeaders }: IncomingMessage): string | undefined {
  if (!/^(\/|https?:\/\/)/.test(url)) return `${url} is no path`;
  let hosts = 0;
  for (let place = 0; place < rawHeaders.length; place += 2)
    if (rawHeaders[place]?.length === 4 && rawHeaders[place]?.toLowerCase() === 'host') hosts++;
  return hosts > 1 ? 'there must be one Host header' : undefined;
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
  readonly #body: Buffer | PassThrough | null;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #ended = false;
  #requestId: string | undefined = undefined;
  /** Content-Length of the answer; NaN where it has none. */
  #length = NaN;
  #whole: Buffer | undefined = undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    activator: Activator,
    body: Buffer | PassThrough | null,
  ) {
    this.#body = body;
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
    replica.pool.dispatch(
      {
        path: request.url ?? '/',
        method: request.method ?? 'GET',
        headers,
        body: this.#body,
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
    }
    this.#end();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client left while the request waited for a connection.
    if (this.#ended) controller.abort(cut);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#ended || status < 200) return;
    const response = this.#response;
    // Flat, because Node writes it as it is: `setHeader` for each would build a map first.
    const sent: string[] = [];
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined || staysHere(name)) continue;
      if (typeof value === 'string') sent.push(name, value);
      else for (const each of value) sent.push(name, each);
    }
    response.writeHead(status, sent);
    const length = headers['content-length'];
    // The client of a stream sees the head before the first chunk; with a length one write sends both.
    if (length === undefined) response.flushHeaders();
    else this.#length = Number(length);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    // All of it: the answer ends within this call of undici's, and takes it along.
    if (chunk.length === this.#length) this.#whole = chunk;
    else if (!this.#response.write(chunk)) this.#pause(controller);
  }

  #pause(controller: Dispatcher.DispatchController): void {
    controller.pause();
    this.#response.once('drain', () => {
      controller.resume();
    });
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#response.end(this.#whole);
    this.replica?.coldStart.answered();
    this.#end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    const failed = connectionFailed(error);
    if (failed) this.replica?.suspect();
    // No connection began it: nothing of it was sent.
    if (failed && !this.#controller) this.#activator.unsent(this);
    else this.refuse({ status: 502, detail: `the function did not answer: ${error.message}` });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#body instanceof PassThrough) this.#body.destroy();
    if (this.#controller && !this.#response.writableEnded) this.#controller.abort(cut);
    this.#activator.done(this);
  }
}
