import * as v from 'valibot';
import { commonEntries, modelEntries, readConfig, signingEntries, storeUrl } from '../../shared/config.ts';
import { cannotLoad, configuredRegistry } from '../../shared/model/configured-registry.ts';
import { type Challenger, followChallenger } from '../../shared/model/challenger.ts';
import { challengerUri } from '../../shared/model/model-uri.ts';
import { refusedMetric, showRefusal } from '../../shared/model/refusals.ts';
import type { ModelRef } from '../../shared/prediction.ts';
import { followModel, type FollowedModel } from '../../shared/model/follow.ts';
import { createLog } from '../../shared/log.ts';
import { createMetrics } from '../../shared/metrics.ts';
import { serve, sinceStartMs, start } from '../../shared/http/serve.ts';
import { wake } from '../../shared/http/wake.ts';
import type { Loaded } from './loaded.ts';
import { files, load, type LoadPhase } from './load.ts';
import { inferenceThreads } from './threads.ts';

const Config = v.object({
  ...commonEntries,
  ...modelEntries,
  ...signingEntries,
  /** Opened only at a start while what the alias names cannot be loaded: it knows the version that answered last. */
  STORE_URL: v.optional(storeUrl),
});

async function lastGoodIn(url: string | undefined): Promise<ModelRef | undefined> {
  if (url === undefined) return undefined;
  const { openStore } = await import('../../shared/store/open.ts');
  const store = await openStore(url);
  try {
    return await store.lastGood.find();
  } finally {
    await store.close();
  }
}

async function main(): Promise<void> {
  const config = readConfig(Config, process.env);
  wake(config.WAKE_URLS);
  const log = createLog(config.LOG_LEVEL);
  const metrics = createMetrics({
    kickoff_inference_seconds: 'Time of one run of the graph, for the whole list of an event',
    kickoff_outcomes_total: 'Outcomes by status',
    kickoff_refused_events_total:
      'Events that were refused, by reason: unreadable, or why they are not ours as they claim',
    ...refusedMetric,
  });
  const readiness = { ready: false };
  const running: { model?: FollowedModel<Loaded> } = {};
  const threads = inferenceThreads();
  const phases: Partial<Record<LoadPhase, number>> = {};
  const following = followModel(configuredRegistry(config, 'predict'), {
    files,
    pollMs: config.MODEL_POLL_MS,
    load: (artifact) =>
      load(artifact, threads, (phase) => {
        phases[phase] ??= sinceStartMs();
      }),
    lastGood: () => lastGoodIn(config.STORE_URL),
    log,
  });
  following.catch(() => undefined);
  const challenger: Challenger<Loaded> = followChallenger(
    configuredRegistry({ ...config, MODEL_CACHE_DIR: undefined }, 'predict', challengerUri(config.MODEL_URI)),
    {
      files,
      pollMs: config.MODEL_POLL_MS,
      load: (artifact) => load(artifact, threads),
      log,
      after: following,
    },
  );
  await serve({
    address: config.ADDRESS,
    port: config.PORT,
    metricsPort: config.METRICS_PORT,
    metrics: () => metrics.text(),
    app: async () =>
      (await import('./app.ts')).createApp({
        model: () => running.model,
        challenger,
        alias: config.MODEL_URI,
        keys: config.SIGNING_KEYS,
        log,
        metrics,
      }),
    readiness,
    drainMs: config.DRAIN_MS,
    log,
    async close() {
      await Promise.all([running.model?.close(), challenger.close()]);
    },
  });
  // Loads its native code while the registry answers.
  await import('./onnxruntime.ts');
  const model = await following.catch(cannotLoad(config));
  running.model = model;
  showRefusal(metrics, () => model.current().refusal);
  readiness.ready = true;
  const { version, refused } = model.current().ref;
  log.info('ready', { model: version, refused, threads, ...phases, sinceStartMs: sinceStartMs() });
}

start(main, createLog('error'));
