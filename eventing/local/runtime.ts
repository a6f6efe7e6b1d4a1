import { rm } from 'node:fs/promises';
import path from 'node:path';
import { bundleFunctions } from './sources/bundles.ts';
import { readDeclared } from './manifests/declared.ts';
import { functionEnvironment } from './manifests/environment.ts';
import { startEventing } from './eventing/eventing.ts';
import { openFrontDoor } from './front-door.ts';
import { limit } from './limit.ts';
import { ManifestError } from './manifests/manifest.ts';
import { startRegistry } from './registry.ts';
import { releaseMemory } from './release-memory.ts';
import type { Eventing, Log } from './seams.ts';
import { sendTo } from './serving/send.ts';
import { startService } from './serving/service.ts';
import type { Service } from './serving/service.ts';
import type { ServiceStatus } from './serving/status.ts';
import { localKey } from './signing-key.ts';
import { lockState } from './state-lock.ts';
import { watchSources } from './sources/watch.ts';

export type RuntimeOptions = {
  /** The project: functions/, eventing/, manifests/base/, model/registry/. */
  root: string;
  port: number;
  stateFolder: string;
  /** The first place to look for variables that func.yaml names. */
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
};

export type RuntimeStatus = {
  url: string;
  functions: ServiceStatus[];
  queues: { queue: string; ready: number; inFlight: number }[];
};

export type Runtime = {
  readonly url: string;
  status(): RuntimeStatus;
  /** Stops as the platform would: no new requests; what is in flight ends (within the deadline), then the functions, then all else. */
  close(deadlineMs: number): Promise<void>;
  /** Ends every process at once. */
  kill(): void;
};

/** The function that the front door leads to. */
const publicFunction = 'ingress';

/** Starts the platform. Throws `ManifestError`, `StateInUse`, `BundleError`, or the front door's `EADDRINUSE`. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { root, env, log } = options;
  const at = (...parts: string[]): string => path.join(root, ...parts);
  const { functions, wiring, maps, timeoutMs } = readDeclared(root);

  const stateFolder = path.resolve(options.stateFolder);
  const lock = lockState(stateFolder);
  const closing: (() => Promise<void>)[] = [
    async () => {
      lock.undo();
    },
  ];
  const undo = async (): Promise<void> => {
    for (const close of closing.reverse()) await close();
  };
  try {
    const services = new Map<string, Service>();
    let ending = false;
    const environments = new Map<string, Record<string, string>>();
    for (const { spec, config } of functions) {
      const service = await startService({
        spec,
        config,
        stateFolder,
        timeoutMs,
        log,
        // A running function calls its WAKE_URLS itself. Here they are known before: that saves the time until it does.
        waking: () => {
          // In the order of the URLs: the slowest to start stands first.
          for (const url of (environments.get(spec.name)?.['WAKE_URLS'] ?? '').split(','))
            for (const next of services.values()) if (url.startsWith(`${next.url}/`)) next.wake();
        },
        asleep: () => {
          if (!ending && [...services.values()].every((each) => each.status().pids.length === 0))
            releaseMemory();
        },
      });
      services.set(spec.name, service);
      closing.push(() => service.close(0));
    }
    const front = services.get(publicFunction);
    if (!front)
      throw new ManifestError([
        { file: 'functions', line: 1, message: `there is no function ${publicFunction}` },
      ]);
    let eventing: Eventing | undefined = undefined;
    const status = (): RuntimeStatus => ({
      url: door.url,
      functions: [...services.values()].map((service) => service.status()),
      queues: eventing?.status() ?? [],
    });
    const door = await openFrontDoor({
      port: options.port,
      service: front,
      status,
      eventing: () => eventing,
    });
    closing.push(async () => {
      door.close();
    });
    const { url, platformUrl } = door;

    const registry = await startRegistry(at('model/registry'));
    closing.push(() => registry.close());
    const amqpUrl = env['AMQP_URL'] || undefined;
    const key = localKey(stateFolder);
    closing.push(async () => {
      key.undo();
    });
    const provided = {
      STORE_URL: `sqlite:${path.join(stateFolder, 'store.db')}`,
      MLFLOW_TRACKING_URI: registry.url,
      SIGNING_KEYS: key.keys,
      ...(amqpUrl === undefined ? { K_SINK: `${platformUrl}/local/broker/` } : {}),
    };
    const configMaps = new Map([...maps].map(([name, { data }]) => [name, data] as const));
    const addressOf = (host: string): string | undefined => {
      const name = host.split('.')[0] ?? '';
      return name.endsWith('-broker-ingress') ? `${platformUrl}/local/broker` : services.get(name)?.url;
    };
    for (const { spec } of functions)
      environments.set(spec.name, functionEnvironment(spec, { own: env, provided, configMaps, addressOf }));

    const folders = new Map(functions.map(({ spec }) => [spec.folder, spec.name] as const));
    const deployed = new Map<string, string>();
    const queueProxy = path.join(stateFolder, 'queue-proxy.cjs');
    closing.push(() => rm(queueProxy, { force: true }));
    const deploy = async (): Promise<void> => {
      // Once: a replica may load it at any moment from now on.
      const bundles = await bundleFunctions(
        [...folders.keys()],
        deployed.size === 0 ? queueProxy : undefined,
      );
      for (const [folder, { file, digest }] of Object.entries(bundles)) {
        const name = folders.get(folder) ?? '';
        if (deployed.get(name) === digest) continue;
        deployed.set(name, digest);
        const parts = name === publicFunction ? { file: queueProxy, platformUrl } : undefined;
        services.get(name)?.deploy(file, environments.get(name) ?? {}, parts);
      }
    };
    await deploy();
    const watching = watchSources(at('functions'), deploy, (line) => {
      log('platform', line);
    });
    closing.push(async () => {
      watching.close();
    });

    const eventingRunning = await startEventing({
      wiring,
      amqpUrl,
      stateFolder: path.join(stateFolder, 'eventing'),
      send: sendTo(services),
      log,
    });
    eventing = eventingRunning;

    return {
      url,
      status,
      async close(deadlineMs) {
        ending = true;
        const endMs = performance.now() + deadlineMs;
        const left = (): number => Math.max(0, endMs - performance.now());
        watching.close();
        await Promise.race([Promise.all([door.drain(), front.release()]), limit(left())]);
        door.close();
        await eventingRunning.close(left());
        await Promise.all([...services.values()].map((service) => service.close(Math.max(2000, left()))));
        await registry.close();
        lock.release();
      },
      kill() {
        for (const service of services.values()) service.kill();
      },
    };
  } catch (error) {
    await undo();
    throw error;
  }
}
