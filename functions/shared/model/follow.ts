import { setTimeout as wait } from 'node:timers/promises';
import { describe, type Log } from '../log.ts';
import { type ModelRef, registered } from '../prediction.ts';
import type { Artifact, Registry } from './registry.ts';
import { createRefusals, type Refusal } from './refusals.ts';

/** What a function made of an artifact: a session, a catalogue. */
export type Loaded<T> = { value: T; release(): Promise<void> };

export type FollowOptions<T> = {
  /** The files of the artifact that `load` reads. */
  files: readonly string[];
  pollMs: number;
  load: (artifact: Artifact) => Loaded<T> | Promise<Loaded<T>>;
  /** The version that answered last, for a start while what the alias names cannot be loaded. */
  lastGood?: () => Promise<ModelRef | undefined>;
  /** Milliseconds before a version that did not load is tried again; doubled each time, at most 5 minutes. */
  retryMs?: number;
  log: Log;
};

/** The version that the alias names, loaded; another one takes its place when the alias moves. */
export type FollowedModel<T> = {
  /** Runs `work` with the present version, which is not released before `work` has ended. */
  use<R>(work: (value: T, info: Current) => R | Promise<R>): Promise<R>;
  current(): Current & { value: T };
  /** Looks at the alias now; several calls share one look. */
  refresh(): Promise<void>;
  /** Looks at the alias now, and tries a version again that did not load before. */
  retry(): Promise<void>;
  /**
   * Takes `answering`, by which another function answers since it refuses the present version (`answering.refused`). Nothing is changed where the
   * present version is another one by now. Never rejects.
   */
  stepBack(answering: ModelRef): Promise<void>;
  close(): Promise<void>;
};

/** The present version. Its `ref` says `refused` as long as there is a `refusal`: the alias names another one, which cannot be loaded. */
export type Current = { ref: ModelRef; loadedSince: string; refusal?: Refusal | undefined };

type Held<T> = { ref: ModelRef; loadedSince: string; loaded: Loaded<T>; users: number; replaced: boolean };

/**
 * Loads the version that the registry names now, then follows it. A new version is loaded beside the old and takes its place between two uses. One
 * that does not load is refused and reported once; the old one stays, and it is tried again after a while. At the start the version of `lastGood`
 * stands in for one that is refused, and a kept copy, whose ref says `stale`, for a registry that is away. Without them it throws what was wrong.
 */
export async function followModel<T>(
  registry: Registry,
  { load, log, files, pollMs, lastGood, retryMs = 5000 }: FollowOptions<T>,
): Promise<FollowedModel<T>> {
  const ended = new AbortController();
  const refusals = createRefusals(retryMs, log);
  let unreachable = false;
  let held = await begin();
  let looking: Promise<void> | undefined;
  let last = Promise.resolve();

  async function hold(ref: ModelRef): Promise<Held<T>> {
    const artifact = await registry.download(ref, files);
    const one = await loadArtifact(artifact);
    // The copy only helps later starts: what works is used without it.
    await registry.keep(artifact).catch((error: unknown) => {
      log.warn('the model is used, but no copy of it can be kept', { version: ref.version, error });
    });
    return one;
  }

  async function loadArtifact({ ref, files: read }: Artifact): Promise<Held<T>> {
    const loaded = await load({ ref, files: read });
    return { ref, loaded, loadedSince: new Date().toISOString(), users: 0, replaced: false };
  }

  async function begin(): Promise<Held<T>> {
    let named: ModelRef | undefined;
    try {
      named = await registry.resolve();
      return await hold(named);
    } catch (error) {
      const away = isUnavailable(error);
      const one = (away ? undefined : await holdLastGood()) ?? (await holdKept(away));
      if (!one) throw error;
      const { version } = one.ref;
      if (away) {
        unreachable = true;
        log.warn('the registry does not give the model: going on with a kept copy', { version, error });
      } else refusals.add(error, named, version);
      return one;
    }
  }

  async function holdLastGood(): Promise<Held<T> | undefined> {
    try {
      const ref = await lastGood?.();
      return ref?.name === registry.name ? await hold(ref) : undefined;
    } catch (error) {
      log.warn('the last good version of the model cannot be had', { error });
      return undefined;
    }
  }

  async function holdKept(stale: boolean): Promise<Held<T> | undefined> {
    const artifact = await registry.kept();
    return artifact && loadArtifact(stale ? { ...artifact, ref: { ...artifact.ref, stale } } : artifact);
  }

  async function look(again: boolean): Promise<void> {
    let named: ModelRef | undefined;
    try {
      named = await registry.resolve();
      if (unreachable) log.info('the registry answers again');
      unreachable = false;
      if (isSame(named, held.ref) && !held.ref.stale) refusals.clear();
      else if (again || refusals.isDue(named)) await take(await hold(named));
    } catch (error) {
      if (!isUnavailable(error)) {
        refusals.add(error, named, held.ref.version);
        return;
      }
      if (!unreachable)
        log.warn('the registry does not answer, the present version stays', { error: describe(error) });
      unreachable = true;
    }
  }

  async function take(next: Held<T>): Promise<void> {
    const old = held;
    held = next;
    refusals.clear();
    old.replaced = true;
    log.info('the model has moved', { from: old.ref.version, to: next.ref.version });
    if (old.users === 0) await old.loaded.release();
  }

  /** One after the other: each begins with what the one before has left. */
  function alone(work: () => Promise<void>): Promise<void> {
    last = last.then(work);
    return last;
  }

  function refresh(): Promise<void> {
    looking ??= alone(() => look(false)).finally(() => {
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

  function infoOf({ ref, loadedSince }: Held<T>): Current {
    const refusal = refusals.present();
    return { ref: refusal ? { ...ref, refused: refusal.version } : ref, loadedSince, refusal };
  }

  return {
    async use(work) {
      const one = held;
      one.users++;
      try {
        return await work(one.loaded.value, infoOf(one));
      } finally {
        one.users--;
        if (one.replaced && one.users === 0) await one.loaded.release();
      }
    },
    current: () => ({ ...infoOf(held), value: held.loaded.value }),
    refresh,
    retry: () => alone(() => look(true)),
    stepBack: (answering) =>
      alone(async () => {
        const [named, ref] = [held.ref, registered(answering)];
        if (named.version !== answering.refused || isSame(named, ref)) return;
        try {
          await take(await hold(ref));
          refusals.add(new Error('predict cannot load it; its log says why'), named, ref.version);
        } catch (error) {
          log.warn('the version by which predict answers cannot be had', { version: ref.version, error });
        }
      }),
    async close() {
      ended.abort();
      await last;
      held.replaced = true;
      if (held.users === 0) await held.loaded.release();
    },
  };
}

function isSame(a: ModelRef, b: ModelRef): boolean {
  return a.digest === b.digest && a.version === b.version;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Error && error.name === 'RegistryUnavailable';
}
