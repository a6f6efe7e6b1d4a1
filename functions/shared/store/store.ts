import type { History } from './history.ts';
import type { ModelRef, Outcome, PredictionRequest } from '../prediction.ts';

/**
 * What the functions need of a store. SQLite (`sqlite/store.ts`) and Redis (`redis/store.ts`) satisfy it and pass the same tests
 * (`test/functions/shared/store`). A *job* is what a caller asked for at once: one fixture or a list. It is the unit of the ledger; each of its requests
 * ends in exactly one stored outcome.
 */
export type Store = {
  /**
   * Accepts jobs into the ledger in one round trip. A request that is cached under `digest` is answered at once. One that is already in flight is
   * joined (single flight across replicas). The caller publishes the rest. A job that is answered in full and not `keep` leaves no trace.
   * Accepting an id again changes nothing and publishes nothing twice. An id means what was asked under it first, as long as its result is kept:
   * something else is a `conflict`. `together`: where one of the jobs is a conflict, none of them is accepted.
   */
  accept(
    jobs: readonly Job[],
    options: { digest: string; now: number; together?: boolean },
  ): Promise<Accepted[]>;
  /**
   * Stores each outcome once per request id, caches those that are done, answers those who joined, tells listeners, and ends complete jobs. An id
   * that was never accepted (of a producer that does not use HTTP) is accepted by it. `stored` and `duplicates` count what was given. `conflicts`
   * has the ids of outcomes that answer something else than was asked: nothing is done with those.
   */
  complete(completed: Completed): Promise<{ stored: number; duplicates: number; conflicts: string[] }>;
  /** A job and what is known of it. `unknown`: the id was never given; `expired`: its result was kept `Kept.result` and is gone. */
  find(id: string): Promise<Found>;
  /** Claims an idempotency key for `id`, or returns the earlier claim; kept for at least 24 hours. */
  claim(key: string, claim: Claim): Promise<Claim>;
  /**
   * Takes jobs whose deadline has passed, oldest first: at least one, and up to `limit` requests and `sweepBytes` together. Moves their deadline
   * (growing delay) and returns their open requests, to be published again, whoever asked. What was published once more stands behind all that
   * waits, so nobody's jobs hold up those of others. Jobs beyond the last attempt end as `failed` with the reason instead.
   */
  overdue(options: { now: number; limit: number }): Promise<OverdueJob[]>;
  /**
   * Calls back with the outcomes of jobs whose `replyTo` is this channel, until the returned function is called. What is told while Redis
   * reconnects is not told again: who waits long looks with `find`.
   */
  listen(replyTo: string, onSettled: (settled: Settled[]) => void): Promise<() => Promise<void>>;
  /** Counts of requests since the store was made (`accepted` = `done` + `failed` + `open`). `unaccounted` lists ids that were accepted and are neither open nor ended. */
  audit(): Promise<Audit>;
  deadLetters: {
    /** Keeps a letter, and drops the oldest of those that are as `signed` as it where they are too many: `lettersKept` says how many are kept. */
    add(letter: DeadLetter): Promise<{ dropped: number }>;
    list(): Promise<DeadLetter[]>;
    find(id: string): Promise<DeadLetter | undefined>;
    remove(id: string): Promise<boolean>;
  };
  history: History;
  /** The version of the model that answered last: a function starts with it where what the alias names cannot be loaded. */
  lastGood: {
    keep(model: ModelRef): Promise<void>;
    find(): Promise<ModelRef | undefined>;
  };
  /** Throws `StoreUnavailable` when the store does not answer in time or refuses writes. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

/** The store cannot be reached, or does not take writes: trying again can help. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/** The producer that asked, its own id of the request, and what it gets back when that is published again. */
export type Asker = {
  source: string;
  id: string;
  replyTo?: string | undefined;
  correlationid?: string | undefined;
};

export type Job = {
  /** UUIDv7, or the ledger id of a producer's request. A request of a list has the id `<job id>.<place>`, a single one the job's own. */
  id: string;
  list: boolean;
  /**
   * `digest`: of the version that answers this one, if not that of `accept`. `outcome`: already known at acceptance (a fixture of a list that
   * cannot be predicted).
   */
  requests: { request: PredictionRequest; outcome?: Outcome; digest?: string }[];
  /** The channel of who listens. */
  replyTo?: string;
  /** The producer that asked: published again, its request goes out with this. */
  asker?: Asker;
  /** Keep the result also when everything was cached: somebody will ask for it by its id. */
  keep?: boolean;
};

/** A job past its deadline, with those of its requests that are open, and how often they were published before. */
export type OverdueJob = Job & { attempts: number };

export type Accepted = {
  id: string;
  /** By place in the job: an outcome that is known now, with `cached`; undefined while it is awaited. */
  outcomes: (StoredOutcome | undefined)[];
  /** The places that the caller must publish; the others are answered, or awaited from a request in flight. */
  publish: number[];
  /** This id was given to something else. */
  conflict?: true;
};

/**
 * How a request ended, under whatever id. `text` is the JSON of its outcome without id and model: it goes into answers unchanged, and is all that
 * a hit needs. `readOutcome` and `hasFailed` (`rules.ts`) look into it.
 */
export type StoredOutcome = { text: string; model?: ModelRef; cached: boolean };

/** An outcome under the id of its request in the ledger, with the fingerprint of what it answers. */
export type LedgerOutcome = Outcome & { fingerprint: string };

export type Completed = {
  model: ModelRef;
  outcomes: readonly LedgerOutcome[];
  replyTo?: string;
  now: number;
};

/** One request that ended; `id` is the request's. */
export type Settled = { id: string } & StoredOutcome;

export type Found =
  | { status: 'unknown' | 'expired' }
  | { status: 'queued' | 'done' | 'failed'; list: boolean; outcomes: (StoredOutcome | undefined)[] };

export type Claim = { id: string; fingerprint: string };

export type Audit = {
  accepted: number;
  done: number;
  failed: number;
  open: number;
  deadLettered: number;
  duplicates: number;
  unaccounted: string[];
};

export type DeadLetter = {
  /** Of the letter, not of its event: the ids of two sources may be the same. */
  id: string;
  time: string;
  destination: string;
  code: number;
  attempts: number;
  /** Whether the event is one of our own functions. Who sent the letter is not known: destination and code anybody may have made up. */
  signed: boolean;
  /** The bytes of the event's data, where that was too large to be kept. */
  omitted?: number | undefined;
  /** The event in the JSON format of CloudEvents. */
  event: Record<string, unknown>;
};
