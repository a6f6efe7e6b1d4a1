import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Activator } from './activator.ts';
import type { Exchange, Replica } from './exchange.ts';
import { forwardedHeaders, hasBody, staysHere } from './forwarded-headers.ts';
import { gatewayAnswer } from './gateway.ts';
import { noAnswer, rawRefusal } from './refusal.ts';
import type { Refusal } from './refusal.ts';

/** Takes a request for a websocket to its function, and then the bytes of both sides. It occupies a place until one of them ends. */
export function proxyUpgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  activator: Activator,
): void {
  client.on('error', () => undefined);
  const answer = gatewayAnswer(request, 'activator');
  if (answer) client.end(rawRefusal(answer));
  else activator.submit(new Upgraded(request, client, head, activator));
}

class Upgraded implements Exchange {
  readonly arrivedMs = performance.now();
  replica: Replica | undefined = undefined;
  readonly #request: IncomingMessage;
  readonly #client: Duplex;
  readonly #head: Buffer;
  readonly #activator: Activator;
  #onward: http.ClientRequest | undefined = undefined;
  #function: Duplex | undefined = undefined;
  #ended = false;

  constructor(request: IncomingMessage, client: Duplex, head: Buffer, activator: Activator) {
    this.#request = request;
    this.#client = client;
    this.#head = head;
    this.#activator = activator;
    // A client that ends its side has gone.
    client.on('end', () => client.destroy());
    client.on('close', () => {
      this.#end();
    });
  }

  begin(replica: Replica): void {
    const { method, url } = this.#request;
    const onward = http.request({
      ...{ host: '127.0.0.1', port: replica.port, method, path: url, agent: false },
      headers: forwardedHeaders(this.#request),
    });
    this.#onward = onward;
    onward.on('upgrade', (answer, socket, first) => {
      replica.coldStart.answered();
      this.#join(answer, socket, first);
    });
    // It answers something else, and the connection ends with that.
    onward.on('response', (answer) => {
      replica.coldStart.answered();
      this.#client.write(`${headOf(answer)}connection: close\r\n\r\n`);
      answer.pipe(this.#client);
      answer.on('close', () => {
        this.#end();
      });
    });
    onward.on('error', () => {
      this.refuse(noAnswer);
    });
    // A body came as what follows the head.
    if (hasBody(this.#request)) onward.end(this.#head);
    else onward.end();
  }

  #join(answer: IncomingMessage, socket: Duplex, first: Buffer): void {
    this.#function = socket;
    this.#client.write(`${headOf(answer)}connection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
    this.#client.write(first);
    if (!hasBody(this.#request)) socket.write(this.#head);
    socket.on('error', () => undefined).pipe(this.#client);
    this.#client.pipe(socket);
    socket.on('close', () => {
      this.#client.destroy();
    });
  }

  refuse(refusal: Refusal): void {
    if (this.#ended) return;
    if (this.#function) this.#client.destroy();
    else this.#client.end(rawRefusal(refusal));
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#function?.destroy();
    this.#onward?.destroy();
    this.#activator.done(this);
  }
}

/** Status line and headers of an answer, without those of the hop. */
function headOf({ statusCode = 502, statusMessage = '', rawHeaders }: IncomingMessage): string {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = (rawHeaders[place] ?? '').toLowerCase();
    if (!staysHere(name)) head += `${name}: ${rawHeaders[place + 1]}\r\n`;
  }
  return head;
}
