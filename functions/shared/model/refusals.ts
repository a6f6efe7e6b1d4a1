import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { ModelRef } from '../prediction.ts';
import { ModelRefused } from './registry-errors.ts';

/** The version that the alias names and that cannot be loaded (`unknown` where it names none), and why. */
export type Refusal = { version: string; reason: string };

/** The help of the metric that `showRefusal` shows. */
export const refusedMetric = {
  kickoff_model_refused:
    '1 while the version that the alias names (label) cannot be loaded and the last good one answers',
};

/** Shows a refusal, with its version, as metric `kickoff_model_refused`. */
export function showRefusal(metrics: Pick<Metrics, 'state'>, read: () => Refusal | undefined): void {
  metrics.state('kickoff_model_refused', () => {
    const refusal = read();
    return refusal && { version: refusal.version };
  });
}

const longestReason = 500;
const longestRetryMs = 300_000;

/** The versions that an alias named and that did not load. Each is reported once for a reason, and is due to be tried again after a while. */
export function createRefusals(retryMs: number, log: Pick<Log, 'warn' | 'info'>) {
  const reported = new Set<string>();
  const tries = new Map<string, { count: number; due: number }>();
  let present: Refusal | undefined;
  let pending: string | undefined;

  const keyOf = ({ version, digest }: ModelRef): string => `${version} ${digest}`;

  return {
    present: (): Refusal | undefined => present,

    /** What the alias names now cannot be loaded; `named` is undefined where not even its digest is known. The version `answering` stays. */
    add(error: unknown, named: ModelRef | undefined, answering: string): void {
      const version =
        named?.version ?? (error instanceof ModelRefused ? error.version : undefined) ?? 'unknown';
      present = { version, reason: reasonOf(error).slice(0, longestReason) };
      pending = named && keyOf(named);
      if (named) {
        const count = (tries.get(keyOf(named))?.count ?? 0) + 1;
        const delay = Math.min(retryMs * 2 ** (count - 1), longestRetryMs);
        tries.set(keyOf(named), { count, due: performance.now() + delay });
      }
      const report = `${version} ${present.reason}`;
      if (reported.has(report)) return;
      reported.add(report);
      log.warn('the version of the model that the alias names is refused: the last good one answers', {
        ...{ refused: version, answering, error },
      });
    },

    /** Whether a version that the alias names is to be tried now: not again and again while the alias stays on it. */
    isDue(named: ModelRef): boolean {
      const key = keyOf(named);
      return pending !== key || performance.now() >= (tries.get(key)?.due ?? 0);
    },

    /** The version that the alias names answers. */
    clear(): void {
      if (present)
        log.info('the alias names a version again that can be loaded', { refused: present.version });
      present = undefined;
      pending = undefined;
    },
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasonOf(error.cause)})`;
}
