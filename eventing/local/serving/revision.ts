import type { ColdStartPhases } from './cold-start.ts';
import type { QueueProxyLink } from './queue-proxy/link.ts';
import type { Replica } from './exchange.ts';
import { startReplica } from './replica.ts';
import type { ReplicaExit } from './replica.ts';

export type RevisionOptions = {
  name: string;
  file: string;
  env: Record<string, string>;
  queueProxy: { file: string; env: Record<string, string> } | undefined;
  stateFolder: string;
  readinessPath: string;
  containerConcurrency: number;
  startTimeoutMs: number;
  /** From the decision to remove a replica to SIGKILL. */
  terminationMs: number;
  log(line: string): void;
  line: (line: string) => void;
  coldStart: (phases: ColdStartPhases) => void;
  /** The set of ready replicas changed. */
  changed(): void;
  /** A start failed; it is tried again after `retryMs`. */
  failed(reason: string, retryMs: number): void;
};

/** The replicas of one version of a function. */
export type Revision = {
  readonly name: string;
  readonly file: string;
  /** Those that are ready, in order of start. */
  readonly ready: readonly Replica[];
  readonly pids: readonly number[];
  readonly count: { starting: number; ready: number; draining: number };
  failing(): { reason: string; retryMs: number } | undefined;
  /** The queue-proxies of the ready ones. */
  readonly links: readonly QueueProxyLink[];
  /** Ends the replicas' connections: with their next answer, idle ones at once. Resolves when none is left. */
  release(): Promise<void>;
  /** Sees to it that there are `replicas`; `scheduledMs`: when the need arose. */
  scale(replicas: number, scheduledMs: number): void;
  /** Drains all; resolves when no process is left. */
  stop(deadlineMs: number): Promise<void>;
  kill(): void;
};

const longestBackOffMs = 30_000;
/** A replica that ran this long did not fail at its start. */
const healthyMs = 10_000;

/** A revision without replicas. */
export function createRevision(options: RevisionOptions): Revision {
  const replicas = new Set<Replica>();
  let ready: Replica[] = [];
  let starting = 0;
  let asked = 0;
  let failures = 0;
  let reported = false;
  let failure: { reason: string; untilMs: number } | undefined;
  let retry: NodeJS.Timeout | undefined;
  const draining = new Set<Promise<void>>();

  const living = (): Replica[] =>
    [...replicas].filter(({ state }) => state === 'starting' || state === 'ready');

  async function add(scheduledMs: number): Promise<void> {
    starting++;
    let replica: Replica;
    try {
      replica = await starts(scheduledMs);
    } catch (error) {
      // No port, process or folder was left: files and processes are limited.
      starting--;
      failed(`${options.name} was not started: ${error instanceof Error ? error.message : String(error)}`, 0);
      return;
    }
    starting--;
    replicas.add(replica);
    // The need may have gone during the search for a port.
    revision.scale(asked, scheduledMs);
  }

  function starts(scheduledMs: number): Promise<Replica> {
    return startReplica({
      revision: options.name,
      file: options.file,
      env: options.env,
      queueProxy: options.queueProxy,
      stateFolder: options.stateFolder,
      readinessPath: options.readinessPath,
      containerConcurrency: options.containerConcurrency,
      startTimeoutMs: options.startTimeoutMs,
      scheduledMs,
      line: options.line,
      coldStart: options.coldStart,
      ready() {
        failure = undefined;
        reported = false;
        refresh();
        share();
      },
      unready: refresh,
      exited,
    });
  }

  /** Gives a new replica as many connections as the others. They would stay where they are, unlike requests behind a gateway. */
  function share(): void {
    const { links } = revision;
    const connections = links.reduce((sum, link) => sum + link.connections, 0);
    for (const link of links) link.shed(link.connections - Math.ceil(connections / links.length));
  }

  function refresh(): void {
    ready = [...replicas].filter(({ state }) => state === 'ready');
    options.changed();
  }

  function remove(replica: Replica, deadlineMs: number): void {
    const drained = replica.drain(deadlineMs).finally(() => draining.delete(drained));
    draining.add(drained);
  }

  function exited(replica: Replica, exit: ReplicaExit): void {
    replicas.delete(replica);
    refresh();
    if (replica.drained) return;
    const how = exit.signal === null ? `with exit code ${exit.code ?? '?'}` : `by ${exit.signal}`;
    if (exit.wasReady && performance.now() - replica.startedMs > healthyMs) failures = 0;
    const last = exit.lastLines.at(-1);
    if (!reported) {
      options.log(
        `${options.name} ended ${how}${exit.wasReady ? '' : ' before it was ready'}; its last lines:`,
      );
      for (const line of exit.lastLines) options.log(`  ${line}`);
      reported = true;
    }
    // One that worked is started again at once; after a second failure we wait.
    failed(`${options.name} ended ${how}${last === undefined ? '' : `: ${last}`}`, exit.wasReady ? 1 : 0);
  }

  /** Tries again. The wait doubles with each failure beyond the `forgiven` ones. */
  function failed(reason: string, forgiven: number): void {
    const steps = failures++ - forgiven;
    const retryMs = steps < 0 ? 0 : Math.min(longestBackOffMs, 1000 * 2 ** steps);
    if (!reported) options.log(reason);
    reported = true;
    if (retryMs === 0) {
      revision.scale(asked, performance.now());
      return;
    }
    failure = { reason, untilMs: performance.now() + retryMs };
    clearTimeout(retry);
    retry = setTimeout(() => {
      failure = undefined;
      revision.scale(asked, performance.now());
    }, retryMs);
    options.failed(reason, retryMs);
  }

  const revision: Revision = {
    name: options.name,
    file: options.file,
    get ready() {
      return ready;
    },
    get pids() {
      return [...replicas].filter(({ state }) => state !== 'gone').map(({ pid }) => pid);
    },
    get count() {
      const of = (state: string): number => [...replicas].filter((replica) => replica.state === state).length;
      return { starting: starting + of('starting'), ready: ready.length, draining: of('draining') };
    },
    failing: () =>
      failure && { reason: failure.reason, retryMs: Math.max(0, failure.untilMs - performance.now()) },
    get links() {
      return ready.flatMap(({ link }) => (link?.open ? link : []));
    },
    async release() {
      await Promise.all([...replicas].map(({ link }) => link?.drain(0) ?? Promise.resolve()));
    },
    scale(wanted, scheduledMs) {
      asked = wanted;
      const now = living();
      const surplus = now.length + starting - wanted;
      // Whether one that has just gone failed is not known yet; `exited` comes back here.
      const unclear = [...replicas].some(({ state, drained }) => state === 'gone' && !drained);
      if (surplus < 0 && !failure && !unclear)
        for (let missing = surplus; missing < 0; missing++) void add(scheduledMs);
      if (surplus <= 0) return;
      // Kubernetes first removes those that are not ready, then the youngest.
      const leaving = now
        .sort(
          (a, b) => Number(a.state === 'ready') - Number(b.state === 'ready') || b.startedMs - a.startedMs,
        )
        .slice(0, surplus);
      for (const replica of leaving) remove(replica, options.terminationMs);
      refresh();
    },
    async stop(deadlineMs) {
      clearTimeout(retry);
      asked = 0;
      failure = undefined;
      for (const replica of living()) remove(replica, deadlineMs);
      refresh();
      while (draining.size > 0 || starting > 0) {
        await Promise.all(draining);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    kill() {
      for (const replica of replicas) replica.kill();
    },
  };
  return revision;
}
