import * as v from 'valibot';
import { commonEntries, readConfig, storeUrl } from '../../shared/config.ts';
import { createLog } from '../../shared/log.ts';
import { createMetrics } from '../../shared/metrics.ts';
import { openStore } from '../../shared/store/open.ts';
import { serve, start } from '../../shared/http/serve.ts';
import { wake } from '../../shared/http/wake.ts';

async function main(): Promise<void> {
  const config = readConfig(v.object({ ...commonEntries, STORE_URL: storeUrl }), process.env);
  wake(config.WAKE_URLS);
  const log = createLog(config.LOG_LEVEL);
  const metrics = createMetrics({
    kickoff_stored_total: 'Outcomes stored',
    kickoff_duplicates_total: 'Outcomes that came again and changed nothing',
    kickoff_conflicts_total: 'Outcomes that answered something else than was asked under their ids',
    kickoff_republished_total: 'Requests published again because they were overdue',
    kickoff_dead_letters_total: 'Dead letters kept',
  });
  const store = await openStore(config.STORE_URL);
  await serve({
    port: config.PORT,
    metricsPort: config.METRICS_PORT,
    metrics: () => metrics.text(),
    app: async () => (await import('./app.ts')).createApp({ store, log, metrics }),
    // Ready without asking the store: without it an event is answered 503, which the broker tries again.
    readiness: { ready: true },
    drainMs: config.DRAIN_MS,
    log,
    close: () => store.close(),
  });
}

start(main, createLog('error'));
