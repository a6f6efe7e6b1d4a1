import { readConfig } from '../../shared/config.ts';
import { cannotLoad, configuredRegistry } from '../../shared/model/configured-registry.ts';
import { followChallenger } from '../../shared/model/challenger.ts';
import { challengerUri } from '../../shared/model/model-uri.ts';
import { followModel } from '../../shared/model/follow.ts';
import { refusedMetric } from '../../shared/model/refusals.ts';
import { newId } from '../../shared/id.ts';
import { createLog } from '../../shared/log.ts';
import { createMetrics } from '../../shared/metrics.ts';
import { openStore } from '../../shared/store/open.ts';
import { serve, sinceStartMs, start } from '../../shared/http/serve.ts';
import { wake } from '../../shared/http/wake.ts';
import { createApp } from './app.ts';
import { catalogFiles, loadCatalog } from './catalog.ts';
import { Config, publisherVariables } from './config.ts';
import { type Ingress, createIngress } from './ingress.ts';
import { createPublisher } from './submit/publish.ts';

async function main(): Promise<void> {
  const config = readConfig(Config, process.env, publisherVariables);
  wake(config.WAKE_URLS);
  const log = createLog(config.LOG_LEVEL);
  const metrics = createMetrics({
    kickoff_http_requests_total: 'Requests by method, route and status',
    kickoff_http_seconds: 'Time to answer',
    ...refusedMetric,
  });
  const readiness = { ready: false };
  const running: { ingress?: Ingress } = {};
  const app = createApp(() => running.ingress?.parts, log, metrics, config.ALLOWED_ORIGINS);
  const publisher = createPublisher(config, log);
  const store = openStore(config.STORE_URL);
  store.catch(() => undefined);
  const catalog = followModel(configuredRegistry(config, 'ingress'), {
    files: catalogFiles,
    pollMs: config.MODEL_POLL_MS,
    load: loadCatalog,
    lastGood: async () => (await store).lastGood.find(),
    log,
  });
  catalog.catch(() => undefined);
  // Only its version is needed: predict runs it.
  const challenger = followChallenger(
    configuredRegistry({ ...config, MODEL_CACHE_DIR: undefined }, 'ingress', challengerUri(config.MODEL_URI)),
    {
      files: [],
      pollMs: config.MODEL_POLL_MS,
      load: async () => ({ value: undefined, release: () => Promise.resolve() }),
      log,
      after: catalog,
    },
  );
  await serve({
    address: config.ADDRESS,
    port: config.PORT,
    metricsPort: config.METRICS_PORT,
    metrics: () => metrics.text(),
    app: async () => app,
    readiness,
    drainMs: config.DRAIN_MS,
    log,
    hurry: () => running.ingress?.hurry(),
    async close() {
      await Promise.all([running.ingress?.close(), publisher.close()]);
    },
  });
  running.ingress = createIngress({
    config,
    store: await store,
    publisher,
    catalog: await catalog.catch(cannotLoad(config)),
    challenger,
    replyTo: `ingress.${newId()}`,
    log,
    metrics,
  });
  readiness.ready = true;
  log.info('ready', { sinceStartMs: sinceStartMs() });
}

start(main, createLog('error'));
