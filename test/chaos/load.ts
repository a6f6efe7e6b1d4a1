import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '../..');
const { teams } = JSON.parse(
  readFileSync(path.join(root, 'model/registry/match-outcome/1/teams.json'), 'utf8'),
) as { teams: { name: string }[] };

/** A pseudo-random number generator with a seed (mulberry32), values in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Load = {
  /** Ids that were promised an outcome: answered 202, or 200 without the cache. */
  promised: Set<string>;
  answered: number;
  refused: Record<string, number>;
  /** Times (performance.now) at which a request was sent that got a prediction. */
  served: number[];
  /** Sends nothing more and waits for what is in flight. */
  stop(): Promise<void>;
};

/** Sends `perSecond` requests a second to the front door until stopped: single fixtures, every third asynchronous, every tenth a repeat. */
export function startLoad(url: string, perSecond: number, random: () => number): Load {
  const load = {
    promised: new Set<string>(),
    answered: 0,
    refused: {} as Record<string, number>,
    served: [] as number[],
  };
  const inFlight = new Set<Promise<void>>();
  let body = '';
  let sent = 0;

  function next(): string {
    if (sent % 10 === 9) return body;
    const pick = (): string => teams[Math.floor(random() * teams.length)]?.name ?? '';
    const home = pick();
    let away = pick();
    while (away === home) away = pick();
    return (body = JSON.stringify({ home, away }));
  }

  async function ask(): Promise<void> {
    const prefer = sent % 3 === 0 ? 'respond-async' : 'wait=5';
    const at = performance.now();
    const text = next();
    sent++;
    try {
      const response = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer },
        body: text,
        signal: AbortSignal.timeout(20_000),
      });
      const answer = (await response.json()) as { id: string; cached?: boolean };
      load.answered++;
      if (response.status === 200) load.served.push(at);
      if (response.status === 202 || (response.status === 200 && answer.cached === false))
        load.promised.add(answer.id);
      else if (response.status !== 200) count(`http ${response.status}`);
    } catch (error) {
      count(error instanceof Error ? error.name : 'error');
    }
  }
  function count(kind: string): void {
    load.refused[kind] = (load.refused[kind] ?? 0) + 1;
  }

  const timer = setInterval(() => {
    const asked = ask().finally(() => inFlight.delete(asked));
    inFlight.add(asked);
  }, 1000 / perSecond);
  return Object.assign(load, {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  });
}

/** The state of every id as the front door tells it, `done`, `failed`, `queued` or the status code; asked 16 at a time. */
export async function statesOf(url: string, ids: Iterable<string>): Promise<Map<string, string>> {
  const states = new Map<string, string>();
  const queue = [...ids];
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
        const response = await fetch(`${url}/v1/predictions/${id}`).catch(() => undefined);
        if (!response) {
          states.set(id, 'no answer');
          await wait(50);
          continue;
        }
        const answer = (await response.json()) as { status: unknown };
        states.set(id, response.ok ? String(answer.status) : String(response.status));
      }
    }),
  );
  return states;
}
