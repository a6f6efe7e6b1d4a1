import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { v7 } from 'uuid';
import * as v from 'valibot';
import { startRegistry } from '../../eventing/local/registry.ts';
import { createApp as createCacheWrite } from '../../functions/cache-write/src/app.ts';
import { createApp as createIngressApp } from '../../functions/ingress/src/app.ts';
import { catalogFiles, loadCatalog } from '../../functions/ingress/src/catalog.ts';
import { createIngress } from '../../functions/ingress/src/ingress.ts';
import type { Publisher } from '../../functions/ingress/src/submit/publisher.ts';
import { createApp as createPredict } from '../../functions/predict/src/app.ts';
import { files, load } from '../../functions/predict/src/load.ts';
import {
  binaryMessage,
  type Event,
  readEvent,
  structuredMessage,
} from '../../functions/shared/events/cloudevents.ts';
import { followChallenger } from '../../functions/shared/model/challenger.ts';
import {
  CompletedData,
  completedType,
  requestedType,
  shadowedType,
} from '../../functions/shared/events/events.ts';
import { signedEvent } from '../../functions/shared/events/signature.ts';
import { challengerUri } from '../../functions/shared/model/model-uri.ts';
import { followModel } from '../../functions/shared/model/follow.ts';
import { answerProbe, type Fetch } from '../../functions/shared/http/health.ts';
import { createLog } from '../../functions/shared/log.ts';
import { createMetrics } from '../../functions/shared/metrics.ts';
import { createRegistry } from '../../functions/shared/model/registry.ts';
import { openStore } from '../../functions/shared/store/open.ts';
import type { Store } from '../../functions/shared/store/store.ts';
import { keys } from '../signing.ts';
import { breakable } from './breakable-store.ts';

/** Somewhere the functions run, reached by HTTP alone. */
export type World = {
  request(path: string, init?: RequestInit): Promise<Response>;
  /** The ways in which a producer reaches the Broker without ingress: each takes an event in the JSON format. */
  producers: Record<string, (event: object) => Promise<void>>;
  close(): Promise<void>;
};

/** What the in-process world can do beyond: look into the store, see what was published, break a part. */
export type ProcessWorld = World & {
  store: Store;
  /** Ingress as a server would call it. */
  fetch: Fetch;
  /** The events that passed the broker, by type. */
  published: Event[];
  deliver(event: Event): Promise<void>;
  predict(path: string, init?: RequestInit): Promise<Response>;
  cacheWrite(path: string, init?: RequestInit): Promise<Response>;
  /** Copies of each event that are delivered at the same time. */
  copies: number;
  broker: 'up' | 'away';
  storeAway: boolean;
  predictAway: boolean;
  /** Whether an event passes the broker and is never answered. */
  lose: (event: Event) => boolean;
  /** Whether nothing that was published is on its way. */
  idle(): boolean;
  /** The clock of cache-write. */
  now: () => number;
  /** Predict looks at the alias now; ingress is not told. */
  predictLooks(): Promise<void>;
  /** All look at the aliases now. */
  looks(): Promise<void>;
  logged: string[];
  /** What a Prometheus would read of all functions. */
  metrics(): string;
  /** How often the functions have refused an event for a reason. */
  refused(reason: string): number;
};

const alias = 'models:/match-outcome@Production';

/** All three functions in this process on a real store (SQLite, or `storeUrl`) and the shipped model, with a broker that delivers at once. */
export async function startProcessWorld(
  settings: {
    MAX_REQUESTS?: number;
    WAIT_MS?: number;
    allowedOrigins?: string[];
    kept?: { result?: number; id?: number };
    storeUrl?: string;
    registryFolder?: string;
  } = {},
): Promise<ProcessWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kickoff-world-'));
  const registryServer = await startRegistry(
    settings.registryFolder ?? path.resolve(import.meta.dirname, '../../model/registry'),
  );
  const registry = createRegistry({ trackingUri: registryServer.url, modelUri: alias });
  const logged: string[] = [];
  const write = (line: string): void => void logged.push(line);
  const log = createLog('debug', { out: write, err: write });
  const metrics = createMetrics({
    kickoff_http_requests_total: '',
    kickoff_http_seconds: '',
    kickoff_inference_seconds: '',
    kickoff_outcomes_total: '',
    kickoff_stored_total: '',
    kickoff_duplicates_total: '',
    kickoff_conflicts_total: '',
    kickoff_republished_total: '',
    kickoff_dead_letters_total: '',
    kickoff_dead_letters_dropped_total: '',
    kickoff_refused_events_total: '',
    kickoff_model_refused: '',
  });
  const follow = { pollMs: 3_600_000, retryMs: 3_600_000, log };
  const lastGood = () => store.lastGood.find();
  const kept = settings.kept ?? {};
  const store = breakable(
    await openStore(settings.storeUrl ?? `sqlite:${path.join(folder, 'store')}`, { kept }),
    () => world.storeAway,
  );
  const model = await followModel(registry, {
    ...{ ...follow, lastGood, files },
    load: (artifact) => load(artifact, 1),
  });
  const ingressChallenger = followChallenger(
    createRegistry({ trackingUri: registryServer.url, modelUri: challengerUri(alias) }),
    { ...follow, files: [], load: async () => ({ value: undefined, release: () => Promise.resolve() }) },
  );
  const catalog = await followModel(registry, {
    ...{ ...follow, lastGood, files: catalogFiles },
    load: loadCatalog,
  });
  const challenger = followChallenger(
    createRegistry({ trackingUri: registryServer.url, modelUri: challengerUri(alias) }),
    { ...follow, files, load: (artifact) => load(artifact, 1) },
  );
  const predict = createPredict({ model: () => model, challenger, alias, keys, log, metrics });
  const cacheWrite = createCacheWrite({
    store,
    publish: (event, deadlineMs) => publisher.publish(event, deadlineMs),
    keys,
    log,
    metrics,
    now: () => world.now(),
  });

  const post = (event: Event): RequestInit => ({ method: 'POST', ...structuredMessage(event) });
  let underWay = 0;
  async function deliver(event: Event): Promise<void> {
    world.published.push(event);
    if (world.lose(event)) return;
    // As eventing/triggers.yaml says.
    const triggers = [
      { type: requestedType, app: predict, target: '/' },
      { type: completedType, app: cacheWrite, target: '/' },
      { type: completedType, shadow: 'wanted', app: predict, target: '/challenger' },
      { type: shadowedType, app: cacheWrite, target: '/shadows' },
    ];
    const subscribers = triggers.filter(
      ({ type, shadow, app }) =>
        type === event.type &&
        (shadow === undefined || shadow === event['shadow']) &&
        !(app === predict && world.predictAway),
    );
    const copies = subscribers.flatMap(({ app, target }) =>
      Array.from({ length: world.copies }, async () => {
        const response = await app.request(target, post(event));
        if (response.status !== 200) return;
        const { headers } = response;
        const body = await response.text();
        await deliver(await readEvent(new Request('http://broker/', { method: 'POST', headers, body })));
      }),
    );
    await Promise.all(copies);
  }

  const publisher: Publisher = {
    async publish(event) {
      if (world.broker !== 'up') throw new Error('the broker is away');
      // Confirmed is not delivered: what follows is not the publisher's.
      underWay++;
      setImmediate(() => void deliver(event).finally(() => underWay--));
    },
    close: () => Promise.resolve(),
  };
  const ingress = createIngress({
    config: {
      WAIT_MS: settings.WAIT_MS ?? 5000,
      MAX_REQUESTS: settings.MAX_REQUESTS ?? 20_000,
      RECENT_PREDICTIONS: 1000,
      PUBLISH_DEADLINE_MS: 200,
      MODEL_URI: alias,
      SIGNING_KEYS: keys,
    },
    store,
    publisher,
    catalog,
    challenger: ingressChallenger,
    replyTo: `ingress.${v7()}`,
    log,
    metrics,
    async predictDirectly(requests, { id, extensions }) {
      if (world.predictAway) throw new Error('predict is away');
      const draft = { id, source: '/kickoff/ingress', type: requestedType, extensions, data: { requests } };
      const response = await predict.request('/', {
        method: 'POST',
        ...binaryMessage(signedEvent(draft, keys)),
      });
      return v.parse(CompletedData, await response.json());
    },
  });
  const app = createIngressApp(() => ingress.parts, log, metrics, settings.allowedOrigins);
  const fetch: Fetch = (request) => {
    const { pathname, search } = new URL(request.url);
    const probed = answerProbe({ ready: true }, request.method, pathname + search);
    return probed ? new Response(probed.body, probed) : app.fetch(request);
  };

  const world: ProcessWorld = {
    store,
    fetch,
    published: [],
    copies: 1,
    broker: 'up',
    storeAway: false,
    predictAway: false,
    lose: () => false,
    idle: () => underWay === 0,
    now: Date.now,
    async looks() {
      await Promise.all([world.predictLooks(), catalog.refresh(), ingressChallenger.refresh()]);
    },
    async predictLooks() {
      await Promise.all([model.refresh(), challenger.refresh()]);
    },
    producers: {
      async broker(event) {
        const body = JSON.stringify(event);
        const headers = { 'content-type': 'application/cloudevents+json' };
        void deliver(await readEvent(new Request('http://broker/', { method: 'POST', headers, body })));
      },
    },
    logged,
    metrics: () => metrics.text(),
    refused: (reason) =>
      Number(
        new RegExp(`^kickoff_refused_events_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(
          metrics.text(),
        )?.[1] ?? 0,
      ),
    deliver,
    request: async (target, init) => fetch(new Request(`http://localhost${target}`, init)),
    predict: async (target, init) => predict.request(target, init),
    cacheWrite: async (target, init) => cacheWrite.request(target, init),
    async close() {
      world.storeAway = false;
      await ingress.close();
      await Promise.all([model.close(), challenger.close()]);
      await registryServer.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}
