import { until } from '../until.ts';
import type { Fault } from './faults.ts';
import { type Load, type Promised, startLoad, type State, statesOf } from './load.ts';
import type { Counts, System } from './system.ts';

/** What a fault did: counts of requests, times in seconds. */
export type Verdict = {
  fault: string;
  what: string;
  accepted: number;
  done: number;
  failed: number;
  /** Promised a result and has none, is still open, or cannot be accounted for. */
  lost: number;
  storedTwice: number;
  /** Answered by predict while there was no store to keep the answer. */
  unkept: number;
  /** Requests of the load that got no 2xx. */
  refused: number;
  /** Results that came again and changed nothing. */
  duplicates: number;
  /** From the fault to the first answer with a prediction to a request sent after it. */
  recovered: number;
  /** From the end of the load to the end of the last request. */
  settled: number;
  /** Why requests failed and why the load was refused. */
  reasons: string[];
  /** Nothing lost, nothing stored twice, nothing failed that must not, and the audit is clean. */
  good: boolean;
};

const seconds = (ms: number): number => Math.round(ms / 10) / 100;

/** Strikes under a load of `perSecond` requests a second, waits until all has ended, and judges. */
export async function judge(
  system: System,
  fault: Fault,
  { random, perSecond }: { random: () => number; perSecond: number },
): Promise<Verdict> {
  const before = await system.audit();
  const load = startLoad(system.url, perSecond, random);
  const answersAfter = (time: number): Load['served'] => load.served.filter(({ sent }) => sent > time);
  const enoughAfter = (time: number): Promise<unknown> =>
    until(() => answersAfter(time).length >= 2 * perSecond, {
      deadline: 90_000,
      what: `${2 * perSecond} requests are answered, ${JSON.stringify([...load.refused])} were not`,
    });
  try {
    // Not into a cold start; and RabbitMQ 3.10 loses a quorum queue that was declared less than 2 s before a kill.
    await enoughAfter(0);
    await until(() => anyEnded(system, load), {
      deadline: 10_000,
      what: 'what is accepted for later ends before the sweep would publish it again',
    });
    const struck = performance.now();
    const others: string[] = [];
    await fault.strike(system, random, (id) => others.push(id));
    const healed = performance.now();
    await enoughAfter(healed);
    const recovered = Math.min(...answersAfter(struck).map(({ answered }) => answered - struck));
    await load.stop();
    const stopped = performance.now();
    const after = await ended(system, (fault.settleSeconds ?? 120) * 1000);
    const settled = performance.now() - stopped;
    const promised = new Map([...load.promised].filter(([, { sent }]) => !fault.ledgerLost || sent > healed));
    for (const id of others) promised.set(id, { told: 'accepted', sent: struck });
    const states = await statesOf(system.url, promised.keys());
    return {
      ...verdict(fault, { before, after, promised, states }),
      refused: [...load.refused.values()].reduce((sum, count) => sum + count, 0),
      recovered: seconds(recovered),
      settled: seconds(settled),
      reasons: [...reasons(states), ...[...load.refused].map(([kind, count]) => `${count} x ${kind}`)],
    };
  } finally {
    await load.stop();
  }
}

/** Whether the way over the broker works, not only the direct one and the sweep's. */
async function anyEnded({ url }: System, load: Load): Promise<boolean> {
  const accepted = [...load.promised].filter(([, { told }]) => told === 'accepted').map(([id]) => id);
  return [...(await statesOf(url, accepted.slice(0, 5))).values()].some(({ status }) => status === 'done');
}

/** The audit when nothing is open any more, or after `deadline` ms. */
async function ended(system: System, deadline: number): Promise<Counts> {
  const nothingOpen = async (): Promise<Counts | undefined> => {
    const counts = await system.audit();
    return counts.open === 0 ? counts : undefined;
  };
  return until(nothingOpen, { deadline }).catch(() => system.audit());
}

type Evidence = {
  before: Counts;
  after: Counts;
  promised: ReadonlyMap<string, Promised>;
  states: ReadonlyMap<string, State>;
};

function verdict(fault: Fault, { before, after, promised, states }: Evidence) {
  const since = (name: 'accepted' | 'done' | 'failed' | 'duplicates'): number =>
    after[name] - (fault.ledgerLost ? 0 : before[name]);
  const [accepted, done, failed] = [since('accepted'), since('done'), since('failed')];
  let [unended, unkept] = [0, 0];
  for (const [id, { told }] of promised) {
    const status = states.get(id)?.status;
    if (status === 'done' || status === 'failed') continue;
    if (status === '404' && told === 'answered' && fault.storeAway) unkept++;
    else unended++;
  }
  const lost = Math.max(unended, after.open) + after.unaccounted.length;
  const storedTwice = Math.max(0, done + failed - accepted);
  return {
    ...{ fault: fault.name, what: fault.what, accepted, done, failed, lost, storedTwice, unkept },
    duplicates: since('duplicates'),
    good: lost === 0 && storedTwice === 0 && after.clean && failed === (fault.failed ?? 0),
  };
}

function reasons(states: ReadonlyMap<string, State>): string[] {
  return [...new Set([...states.values()].flatMap((state) => state.reasons))];
}
