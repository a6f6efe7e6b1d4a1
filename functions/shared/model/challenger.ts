import { setTimeout as wait } from 'node:timers/promises';
import { loadCrypto } from '../builtins.ts';
import { type FollowedModel, followModel, type FollowOptions } from './follow.ts';
import { describe } from '../log.ts';
import type { Registry } from './registry.ts';
import { VersionAbsent } from './registry-errors.ts';

/** The version that the alias `Challenger` names, while there is one, and the percentage of matches that it answers itself. */
export type Challenger<T> = {
  model(): FollowedModel<T> | undefined;
  /** 0 without a challenger. */
  percent(): number;
  /** Looks at the alias and the percentage now. */
  refresh(): Promise<void>;
  close(): Promise<void>;
};

const never = 3_600_000;

/**
 * Follows an alias that may come and go. Nothing depends on it: no challenger, one that does not load, and a registry that is away look the same
 * to callers. Every poll tries the first two again. Nobody waits for the first look.
 */
export function followChallenger<T>(
  registry: Registry,
  options: FollowOptions<T> & {
    /** The first look begins when this has settled. */
    after?: Promise<unknown>;
  },
): Challenger<T> {
  const { log } = options;
  const ended = new AbortController();
  let model: FollowedModel<T> | undefined;
  let percent = 0;
  let looking: Promise<void> | undefined;
  let reported = '';

  async function leave(): Promise<void> {
    const gone = model;
    model = undefined;
    percent = 0;
    await gone?.close();
  }

  async function look(): Promise<void> {
    try {
      const { version } = await registry.resolve();
      if (model) await model.refresh();
      else {
        // Its own poll would not notice that the alias is gone.
        model = await followModel(registry, { ...options, pollMs: never });
        log.info('a challenger is followed', { version });
      }
      percent = await registry.canaryPercent(model.current().ref);
      reported = '';
    } catch (error) {
      if (error instanceof VersionAbsent) {
        if (model) log.info('there is no challenger any more');
        await leave();
        return;
      }
      const what = describe(error);
      if (what !== reported) log.warn('the challenger cannot be looked at', { error: what });
      reported = what;
    }
  }

  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function poll(): Promise<void> {
    await Promise.allSettled([options.after]);
    for (;;) {
      await refresh();
      await wait(options.pollMs * (0.75 + Math.random() / 2), undefined, {
        signal: ended.signal,
        ref: false,
      });
    }
  }
  poll().catch((error: unknown) => {
    if (!ended.signal.aborted) log.error('the challenger is no longer followed', { error });
  });

  return {
    model: () => model,
    percent: () => percent,
    refresh,
    async close() {
      ended.abort();
      await looking;
      await leave();
    },
  };
}

/** Whether the challenger answers this match (canonical names). The same percentage always gives the same answer; a larger one only adds matches. */
export function isCanary({ home, away }: { home: string; away: string }, percent: number): boolean {
  if (percent <= 0) return false;
  const share =
    loadCrypto().createHash('sha256').update(`${home}\n${away}`).digest().readUInt32BE(0) / 2 ** 32;
  return share * 100 < percent;
}
