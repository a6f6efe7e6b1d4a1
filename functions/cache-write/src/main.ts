import * as v from 'valibot';
import { commonEntries, httpUrl, readConfig, signingEntries, storeUrl } from '../../shared/config.ts';
import { createLog } from '../../shared/log.ts';
import { createMetrics } from '../../shared/metrics.ts';
import { openStore } from '../../shared/store/open.ts';
import { serve, start } from '../../shared/http/serve.ts';
import { wake } from '../../shared/http/wake.ts';

async function main(): Promise<void> {
  const config = readConfig(
    v.object({ ...commonEntries, ...signingEntries, STORE_URL: storeUrl, K_SINK: httpUrl }),
    process.env,
  );
  wake(config.WAKE_URLS);
  const log = createLog(config.LOG_LEVEL);
  const metrics = createMetrics({
    kickoff_stored_total: 'Outcomes stored',
    kickoff_duplicates_total: 'Outcomes that came again and changed nothing',
    kickoff_conflicts_total: 'Outcomes that answered something else than was asked under their ids',
    kickoff_republished_total: 'Requests published again because they were overdue',
    kickoff_dead_letters_total: 'Dead letters kept',
    kickoff_dead_letters_dropped_total: 'Dead letters that are gone because there were too many',
    kickoff_refused_events_total:
      'Events that were refused, by reason: unreadable, or why they are not ours as they claim',
  });
  const store = await openStore(config.STORE_URL);
  await serve({
    address: config.ADDRESS,
    port: config.PORT,
    metricsPort: config.METRICS_PORT,
    metrics: () => metrics.text(),
    async app() {
      const [{ createApp }, { publishTo }] = await Promise.all([
        import('./app.ts'),
        import('../../shared/events/publish-http.ts'),
      ]);
      return createApp({
        store,
        publish: publishTo(config.K_SINK),
        keys: config.SIGNING_KEYS,
        log,
        metrics,
      });
    },
    // Ready without asking the store: while it is away an event is answered 503, which the broker tries again.
    readiness: { ready: true },
    drainMs: config.DRAIN_MS,
    log,
    close: () => store.close(),
  });
}

start(main, createLog('error'));
