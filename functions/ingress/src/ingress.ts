import { setTimeout as wait } from 'node:timers/promises';
import { type Challenger, isCanary } from '../../shared/model/challenger.ts';
import type { FollowedModel } from '../../shared/model/follow.ts';
import { showRefusal } from '../../shared/model/refusals.ts';
import type { ModelRef } from '../../shared/prediction.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Settled, Store } from '../../shared/store/store.ts';
import type { IngressParts } from './app.ts';
import type { Catalog } from './catalog.ts';
import { createChallengerState } from './challenger-state.ts';
import type { Config } from './config.ts';
import { createForward } from './routes/events.ts';
import { createPredictClient, type PredictDirectly } from './submit/predict-client.ts';
import type { Publisher } from './submit/publisher.ts';
import { createRecent } from './submit/recent.ts';
import { createSubmit } from './submit/submit.ts';
import { createWaiting } from './submit/waiting.ts';
import { createWebhook } from './routes/webhook.ts';

/** The parts of ingress, put together, listening for outcomes on a channel of this replica's own. */
export type Ingress = { parts: IngressParts; hurry(): void; close(): Promise<void> };

type Settings = Pick<
  Config,
  | 'WAIT_MS'
  | 'MAX_REQUESTS'
  | 'RECENT_PREDICTIONS'
  | 'PUBLISH_DEADLINE_MS'
  | 'MODEL_URI'
  | 'PREDICT_URL'
  | 'MLFLOW_WEBHOOK_SECRET'
  | 'SIGNING_KEYS'
>;

/** Puts ingress together. A store that is away is tried again in the background; meanwhile predictions are made without it. */
export function createIngress({
  config,
  store,
  publisher,
  catalog,
  challenger,
  replyTo,
  log,
  metrics,
  predictDirectly = config.PREDICT_URL === undefined
    ? undefined
    : createPredictClient(config.PREDICT_URL, config.SIGNING_KEYS, 10_000),
}: {
  config: Settings;
  store: Store;
  publisher: Publisher;
  catalog: FollowedModel<Catalog>;
  challenger: Challenger<undefined>;
  replyTo: string;
  log: Log;
  metrics: Metrics;
  predictDirectly?: PredictDirectly | undefined;
}): Ingress {
  const recent = createRecent(config.RECENT_PREDICTIONS);
  const waiting = createWaiting(store, log);
  const ended = new AbortController();
  let unmet: string | undefined;
  let refusedByPredict: string | undefined;
  let stopListening: (() => Promise<void>) | undefined;

  /** Predict has moved to another version before our own poll, or refuses one that has a good catalogue. */
  function meet(seen: ModelRef): void {
    const { ref } = catalog.current();
    if (seen.digest === ref.digest && seen.refused === ref.refused) return;
    if (seen.digest === challenger.model()?.current().ref.digest) return;
    // Once for each pair: predict may be the one that stays behind.
    const pair = [ref.digest, ref.refused, seen.digest, seen.refused].join();
    if (unmet === pair) return;
    unmet = pair;
    if (seen.refused !== ref.version || seen.digest === ref.digest) {
      void catalog.retry();
      return;
    }
    // Said at once: the answer that told us is given before the other catalogue is here.
    refusedByPredict = seen.refused;
    void catalog.stepBack(seen).then(() => {
      refusedByPredict = undefined;
    });
  }

  function settle(settled: readonly Settled[]): void {
    // A list has one model a thousand times.
    for (const model of new Set(settled.map((one) => one.model))) if (model) meet(model);
    waiting.settle(settled);
  }

  function canaryDigest(fixture: { home: string; away: string }): string | undefined {
    return isCanary(fixture, challenger.percent()) ? challenger.model()?.current().ref.digest : undefined;
  }

  async function listen(): Promise<void> {
    for (;;) {
      try {
        stopListening = await store.listen(replyTo, settle);
        return;
      } catch (error) {
        log.warn('cannot listen for outcomes: trying again', { error });
      }
      await wait(1000, undefined, { signal: ended.signal, ref: false });
    }
  }
  listen().catch((error: unknown) => {
    if (!ended.signal.aborted) log.error('no longer listening for outcomes', { error });
  });

  showRefusal(metrics, () => catalog.current().refusal);

  const publishDeadlineMs = config.PUBLISH_DEADLINE_MS;
  return {
    parts: {
      store,
      catalog,
      recent,
      waiting,
      replyTo,
      defaultWaitMs: config.WAIT_MS,
      alias: config.MODEL_URI,
      refusedVersion: () => refusedByPredict ?? catalog.current().ref.refused,
      log,
      metrics,
      webhook:
        config.MLFLOW_WEBHOOK_SECRET === undefined
          ? undefined
          : createWebhook({
              secret: config.MLFLOW_WEBHOOK_SECRET,
              async refresh() {
                await Promise.all([catalog.retry(), challenger.refresh()]);
              },
              predictUrl: config.PREDICT_URL,
              keys: config.SIGNING_KEYS,
              log,
            }),
      forward: createForward({ store, publisher, publishDeadlineMs, log }),
      canaryDigest,
      challengerState: createChallengerState(store, challenger),
      submit: createSubmit({
        canaryDigest,
        store,
        publisher,
        predictDirectly,
        waiting,
        recent,
        settle,
        digest: () => catalog.current().ref.digest,
        replyTo,
        keys: config.SIGNING_KEYS,
        limit: config.MAX_REQUESTS,
        publishDeadlineMs,
        log,
      }),
    },
    hurry() {
      // Time for answers that come soon. Who waits longer gets 202 and asks another replica.
      setTimeout(() => {
        waiting.hurry();
      }, 2000).unref();
    },
    async close() {
      ended.abort();
      waiting.close();
      await stopListening?.();
      await Promise.all([catalog.close(), challenger.close()]);
      await store.close();
    },
  };
}
