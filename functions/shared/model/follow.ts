import { setTimeout as wait } from 'node:timers/promises';
import { describe, type Log } from '../log.ts';
import type { ModelRef } from '../prediction.ts';
import type { Artifact, Registry } from './registry.ts';

/** What a function made of an artifact: a session, a catalogue. */
export type Loaded<T> = { value: T; release(): Promise<void> };

export type FollowOptions<T> = {
  /** The files of the artifact that `load` reads. */
  files: readonly string[];
  pollMs: number;
  load: (artifact: Artifact) => Loaded<T> | Promise<Loaded<T>>;
  log: Log;
};

/** The version that the alias names, loaded; another one takes its place when the alias moves. */
export type FollowedModel<T> = {
  /** Runs `work` with the present version, which is not released before `work` has ended. */
  use<R>(work: (value: T, info: Current) => R | Promise<R>): Promise<R>;
  current(): Current & { value: T };
  /** Looks at the alias now; several calls share one look. */
  refresh(): Promise<void>;
  close(): Promise<void>;
};

export type Current = { ref: ModelRef; loadedSince: string };

type Held<T> = Current & { loaded: Loaded<T>; users: number; replaced: boolean };

/**
 * Loads the version that the registry names now, then follows it. A new version is loaded beside the old and takes its place between two uses.
 * One that does not load is refused and reported once; the old one stays. Without a registry at the start it takes the last good version, whose
 * ref says `stale`, or throws what the registry threw.
 */
export async function followModel<T>(
  registry: Registry,
  { load, log, files, pollMs }: FollowOptions<T>,
): Promise<FollowedModel<T>> {
  const ended = new AbortController();
  let refused: string | undefined;
  let unreachable = false;
  let held = await begin();
  let looking: Promise<void> | undefined;

  async function hold(ref: ModelRef): Promise<Held<T>> {
    const artifact = await registry.download(ref, files);
    const one = await loadArtifact(artifact);
    // The copy only helps later starts: what works is used without it.
    await registry.keep(artifact).catch((error: unknown) => {
      log.warn('the model is used, but no copy of it can be kept', { version: ref.version, error });
    });
    return one;
  }

  async function loadArtifact(artifact: Artifact): Promise<Held<T>> {
    const loaded = await load(artifact);
    return {
      ref: artifact.ref,
      loaded,
      loadedSince: new Date().toISOString(),
      users: 0,
      replaced: false,
    };
  }

  async function begin(): Promise<Held<T>> {
    try {
      return await hold(await registry.resolve());
    } catch (error) {
      const artifact = await registry.lastGood();
      if (!artifact) throw error;
      unreachable = true;
      log.warn('the registry does not give the model: going on with the last good version', {
        version: artifact.ref.version,
        error,
      });
      return loadArtifact(artifact);
    }
  }

  async function look(): Promise<void> {
    try {
      const ref = await registry.resolve();
      if (unreachable) log.info('the registry answers again');
      unreachable = false;
      const same = ref.digest === held.ref.digest && ref.version === held.ref.version;
      // After a rollback a refused version may be tried again: what it lacked may be there now.
      if (ref.digest !== refused) refused = undefined;
      if ((same && !held.ref.stale) || refused !== undefined) return;
      const next = await hold(ref).catch((error: unknown) => {
        // A network fault is tried again, a version that does not load is not.
        if (isUnavailable(error)) throw error;
        refuse(ref.digest, error, ref.version);
        return undefined;
      });
      if (!next) return;
      const old = held;
      held = next;
      old.replaced = true;
      log.info('the model has moved', { from: old.ref.version, to: ref.version });
      if (old.users === 0) await old.loaded.release();
    } catch (error) {
      if (!isUnavailable(error)) {
        refuse(describe(error), error);
        return;
      }
      if (!unreachable)
        log.warn('the registry does not answer, the present version stays', { error: describe(error) });
      unreachable = true;
    }
  }

  function refuse(what: string, error: unknown, version?: string): void {
    if (refused === what) return;
    refused = what;
    log.error('a version of the model is refused, the present one stays', { version, error });
  }

  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function poll(): Promise<void> {
    // Jitter: replicas that started together must not ask together for ever.
    for (;;) {
      await wait(pollMs * (0.75 + Math.random() / 2), undefined, { signal: ended.signal, ref: false });
      await refresh();
    }
  }
  poll().catch((error: unknown) => {
    if (!ended.signal.aborted) log.error('the model is no longer followed', { error });
  });

  return {
    async use(work) {
      const one = held;
      one.users++;
      try {
        return await work(one.loaded.value, one);
      } finally {
        one.users--;
        if (one.replaced && one.users === 0) await one.loaded.release();
      }
    },
    current: () => ({ ref: held.ref, loadedSince: held.loadedSince, value: held.loaded.value }),
    refresh,
    async close() {
      ended.abort();
      await looking;
      held.replaced = true;
      if (held.users === 0) await held.loaded.release();
    },
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && error.name === 'RegistryUnavailable';
}
