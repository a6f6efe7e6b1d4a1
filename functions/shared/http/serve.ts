import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from '../builtins.ts';
import { answerProbe, type Fetch, type Readiness } from './health.ts';
import { ConfigFault } from '../config.ts';
import type { Log } from '../log.ts';

/** Exit codes of sysexits.h: bad configuration, and a needed service is absent. */
export const exitCodes = { config: 78, unavailable: 69 } as const;

/** Ends the process with this code and one line of log. */
export class Exit extends Error {
  override name = 'Exit';
  readonly code: number;
  constructor(code: number, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Age of the process in ms, for the phases of a cold start. */
export function sinceStartMs(): number {
  // Not performance.now(): Node loads it on first use, which takes 1 ms.
  return Math.round(process.uptime() * 1000);
}

/** Runs a function's `main`: a bad configuration ends it with 78, an `Exit` with its code, anything else with 1. */
export function start(main: () => Promise<void>, log: Pick<Log, 'error'>): void {
  main().catch((error: unknown) => {
    if (error instanceof ConfigFault) log.error(error.message);
    else if (error instanceof Exit)
      log.error(error.message, error.cause === undefined ? {} : { error: error.cause });
    else log.error('cannot start', { error });
    process.exit(error instanceof ConfigFault ? exitCodes.config : error instanceof Exit ? error.code : 1);
  });
}

/** Bytes of headers, above what Envoy lets through (60 KiB): the Broker's dispatcher takes a 431 for delivered, and the event would be gone. */
const maxHeaderSize = 65_536;

export type Server = { port: number; metricsPort: number | undefined };

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/**
 * Listens on `port` of `address` and stops as Knative's runtime contract says; `0.0.0.0` is every address, as that contract asks. On SIGTERM it is
 * unready at once, answers what is in flight (queue-proxy does not wait for it) and closes the clients. It exits with 0, or with 1 when `drainMs`
 * did not suffice.
 */
export async function serve(options: {
  address: string;
  port: number;
  metricsPort: number;
  metrics: () => string;
  /** Makes the app, at the first request or once a probe found the process ready. A cold start does not load its code before. */
  app: () => Promise<{ fetch: Fetch }>;
  readiness: Readiness;
  drainMs: number;
  log: Log;
  /** Called at SIGTERM, before the last answers: it should end what waits. */
  hurry?: () => void;
  close: () => Promise<void>;
}): Promise<Server> {
  const { readiness, log } = options;
  let answer: Listener | undefined;
  let loading: Promise<void> | undefined;
  const load = (): Promise<void> =>
    (loading ??= Promise.all([import('@hono/node-server'), options.app()]).then(
      ([{ getRequestListener }, app]) => {
        answer = getRequestListener(app.fetch);
      },
      (error: unknown) => {
        log.error('cannot make what answers requests', { error });
        process.exit(1);
      },
    ));
  const server = http.createServer({ maxHeaderSize }, (request, response) => {
    const probed = answerProbe(readiness, request.method, request.url);
    if (probed) {
      response.writeHead(probed.status, probed.headers).end(probed.body);
      if (readiness.ready) response.once('close', () => void load());
    } else if (answer) answer(request, response);
    else void load().then(() => answer?.(request, response));
  });
  // Longer than any keep-alive of the clients (queue-proxy, the local activator): the side that reuses a connection must close it.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 60_000;
  const port = await listen(server, options.port, options.address);
  const metricsServer = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(options.metrics());
  });
  const metricsPort =
    options.metricsPort === 0 ? undefined : await listen(metricsServer, options.metricsPort, options.address);

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    readiness.ready = false;
    log.info('stopping', { signal });
    options.hurry?.();
    const deadline = setTimeout(() => {
      log.error('stopped with work in flight', { drainMs: options.drainMs });
      process.exit(1);
    }, options.drainMs);
    const drained = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      // A kept-alive connection would hold the server open after its last answer.
      setInterval(() => {
        server.closeIdleConnections();
      }, 20).unref();
    });
    drained
      .then(() => options.close())
      .then(() => {
        clearTimeout(deadline);
        process.exit(0);
      })
      .catch((error: unknown) => {
        log.error('cannot stop cleanly', { error });
        process.exit(1);
      });
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  log.info('listening', { port, sinceStartMs: sinceStartMs() });
  return { port, metricsPort };
}

function listen(server: HttpServer, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).once('listening', () => {
      resolve((server.address() as AddressInfo).port);
    });
    // Node looks up even a numeric address and checks whether it is IPv6: 4 ms of a cold start. Without one it listens on every address.
    if (address === '0.0.0.0') server.listen(port);
    else server.listen(port, address);
  });
}
