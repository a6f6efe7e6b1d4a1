import http from 'node:http';
import type { Duplex } from 'node:stream';
import { createActivator } from './activator.ts';
import type { Activator } from './activator.ts';
import type { AutoscalerConfig } from './autoscaler/config.ts';
import { describeColdStart } from './cold-start.ts';
import type { ColdStartPhases } from './cold-start.ts';
import type { FunctionSpec } from '../manifests/function-manifest.ts';
import { listen } from '../listen.ts';
import { maxHeaderSize, shouldUpgradeCallback } from './gateway.ts';
import { proxy } from './proxied.ts';
import { sumOf } from './queue-proxy/link.ts';
import type { QueueProxyLink } from './queue-proxy/link.ts';
import { createRevision } from './revision.ts';
import type { Revision } from './revision.ts';
import { unavailable } from './refusal.ts';
import { startScaler } from './scaler.ts';
import type { Scaler } from './scaler.ts';
import { serviceStatus } from './status.ts';
import { proxyUpgrade } from './upgraded.ts';
import type { ServiceStatus } from './status.ts';
import type { Log } from '../seams.ts';

export type ServiceOptions = {
  spec: FunctionSpec;
  config: AutoscalerConfig;
  stateFolder: string;
  /** How long a request may take, cold start included, and a replica to end. */
  timeoutMs: number;
  log: Log;
  /** It starts from zero: the functions after it may start too. */
  waking(): void;
  /** Its last process is gone. */
  asleep(): void;
};

/** The bundle of queue-proxy, and where it sends the platform's requests. */
export type QueueProxy = { file: string; platformUrl: string };

/** A function as a Knative Service: an address, an activator behind it, and the revision that answers. */
export type Service = {
  readonly spec: FunctionSpec;
  readonly url: string;
  readonly activator: Activator;
  handle(request: http.IncomingMessage, response: http.ServerResponse): void;
  handleUpgrade(request: http.IncomingMessage, client: Duplex, head: Buffer): void;
  /** The replica for a client's connection: the one with the fewest. None while the activator is in the path. */
  readonly taker: QueueProxyLink | undefined;
  /** Ends the connections that were handed over, after the answers under way. */
  release(): Promise<void>;
  /** Starts a replica where none runs, as a request would. */
  wake(): void;
  /**
   * A new revision of this bundle answers from now on. If replicas are running, it answers once as many new ones are ready. With a `queueProxy`
   * its replicas take connections.
   */
  deploy(file: string, env: Record<string, string>, queueProxy?: QueueProxy): void;
  status(): ServiceStatus;
  /** Ends all replicas (hung ones after `deadlineMs`), then the address. */
  close(deadlineMs: number): Promise<void>;
  kill(): void;
};

const keptColdStarts = 100;

/** Opens the address of a function on loopback; nothing runs before the first request. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { spec, config, timeoutMs } = options;
  const log = (line: string): void => {
    options.log('platform', line);
  };
  const coldStarts: ColdStartPhases[] = [];
  let serial = 0;
  let current: Revision | undefined;
  let next: { revision: Revision; replicas: number } | undefined;
  let scaler: Scaler | undefined;
  const revisions = new Set<Revision>();
  let running = false;

  const activator = createActivator(
    {
      name: spec.name,
      containerConcurrency: spec.containerConcurrency,
      holdMs: Math.min(spec.startTimeoutMs, timeoutMs),
      timeoutMs,
    },
    {
      replicas: () => current?.ready ?? [],
      failing: () => current?.failing(),
      wanted: wake,
    },
  );
  function wake(): void {
    if (scaler?.poke()) options.waking();
  }
  function handle(request: http.IncomingMessage, response: http.ServerResponse): void {
    proxy(request, response, activator);
  }
  function handleUpgrade(request: http.IncomingMessage, client: Duplex, head: Buffer): void {
    proxyUpgrade(request, client, head, activator);
  }
  const server = http
    .createServer({ maxHeaderSize, shouldUpgradeCallback }, handle)
    .on('upgrade', handleUpgrade);
  const url = await listen(server, 0);

  function revisionOf(file: string, env: Record<string, string>, queueProxy?: QueueProxy): Revision {
    const name = `${spec.name}-${String(++serial).padStart(5, '0')}`;
    const revision = createRevision({
      name,
      file,
      env: { ...env, K_SERVICE: spec.name, K_CONFIGURATION: spec.name, K_REVISION: name },
      queueProxy: queueProxy && {
        file: queueProxy.file,
        env: {
          CONTAINER_CONCURRENCY: String(spec.containerConcurrency),
          REVISION_TIMEOUT_SECONDS: String(timeoutMs / 1000),
          PLATFORM_URL: queueProxy.platformUrl,
        },
      },
      stateFolder: options.stateFolder,
      readinessPath: spec.readinessPath,
      containerConcurrency: spec.containerConcurrency,
      startTimeoutMs: spec.startTimeoutMs,
      terminationMs: timeoutMs,
      log,
      line: (line) => {
        options.log(spec.name, line);
      },
      coldStart(phases) {
        coldStarts.push(phases);
        if (coldStarts.length > keptColdStarts) coldStarts.shift();
        log(describeColdStart(phases));
      },
      changed() {
        const ran = running;
        running = [...revisions].some(({ pids }) => pids.length > 0);
        if (ran && !running) options.asleep();
        if (revision === current) {
          activator.flow();
          scaler?.observe();
        } else if (revision === next?.revision && revision.ready.length >= next.replicas) route(revision);
      },
      failed(reason, retryMs) {
        if (revision === current && revision.ready.length === 0)
          activator.refuseWaiting(unavailable(`${spec.name} cannot start: ${reason}`, retryMs / 1000));
        else if (revision === next?.revision) {
          next = undefined;
          log(`${name} does not start, ${current?.name ?? 'nothing'} stays: ${reason}`);
          retire(revision);
        }
      },
    });
    revisions.add(revision);
    return revision;
  }

  function retire(revision: Revision): void {
    void revision.stop(timeoutMs).then(() => revisions.delete(revision));
  }

  function route(revision: Revision): void {
    const before = current;
    scaler?.stop();
    current = revision;
    next = undefined;
    activator.flow();
    scaler = startScaler(
      config,
      {
        first: () => activator.meter.first(),
        report: () => sumOf([activator.meter.report(), ...revision.links.map((link) => link.report())]),
      },
      {
        readyReplicas: () => revision.ready.length,
        scale: (replicas, scheduledMs) => {
          revision.scale(replicas, scheduledMs);
        },
        mode(mode) {
          activator.mode = mode;
        },
      },
      revision.ready.length,
    );
    if (before) {
      log(`${revision.name} answers, ${before.name} drains`);
      retire(before);
    }
    // Requests that wait poked the previous revision's scaler.
    if (activator.waiting > 0 && revision.ready.length === 0) wake();
  }

  return {
    spec,
    url,
    activator,
    handle,
    handleUpgrade,
    get taker() {
      if (activator.mode !== 'Serve') return undefined;
      return current?.links.reduce<QueueProxyLink | undefined>(
        (fewest, link) => (fewest && fewest.connections <= link.connections ? fewest : link),
        undefined,
      );
    },
    async release() {
      await Promise.all([...revisions].map((revision) => revision.release()));
    },
    wake,
    deploy(file, env, queueProxy) {
      const revision = revisionOf(file, env, queueProxy);
      if (next) retire(next.revision);
      const { starting = 0, ready = 0 } = current?.count ?? {};
      const replicas = starting + ready;
      if (replicas === 0) route(revision);
      else {
        next = { revision, replicas };
        revision.scale(replicas, performance.now());
      }
    },
    status: () => serviceStatus({ name: spec.name, url, activator, current, revisions, scaler, coldStarts }),
    async close(deadlineMs) {
      scaler?.stop();
      activator.refuseWaiting(unavailable('the platform stops', 5));
      await Promise.all([...revisions].map((revision) => revision.stop(deadlineMs)));
      activator.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    kill() {
      for (const revision of revisions) revision.kill();
    },
  };
}
