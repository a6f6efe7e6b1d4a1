import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';

const root = path.resolve(import.meta.dirname, '../..');
const { teams } = v.parse(
  v.object({ teams: v.array(v.object({ name: v.string() })) }),
  JSON.parse(readFileSync(path.join(root, 'model/registry/match-outcome/1/teams.json'), 'utf8')),
);

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

/** Two different teams of the model. */
export function fixture(random: () => number): { home: string; away: string } {
  const pick = (): number => Math.floor(random() * teams.length);
  const home = pick();
  let away = pick();
  while (away === home) away = pick();
  return { home: teams[home]?.name ?? '', away: teams[away]?.name ?? '' };
}

/** What a caller was told, `accepted` (202) or `answered` with a fresh prediction (200), and when (performance.now) it had asked. */
export type Promised = { told: 'accepted' | 'answered'; sent: number };

export type Load = {
  /** By id. Answers from the cache leave no trace and are not here. */
  promised: Map<string, Promised>;
  sent: number;
  /** Requests that got no 2xx, by status code or error. */
  refused: Map<string, number>;
  /** When (performance.now) a request was sent that got a fresh prediction, and when that came. */
  served: { sent: number; answered: number }[];
  /** Sends nothing more and waits for what is in flight. */
  stop(): Promise<void>;
};

const Answer = v.object({
  id: v.string(),
  cached: v.optional(v.boolean()),
  outcomes: v.optional(v.array(v.object({ cached: v.optional(v.boolean()) }))),
});

/** Sends `perSecond` requests a second to the front door until stopped: every third for later, every seventh a list, every tenth a repeat. */
export function startLoad(url: string, perSecond: number, random: () => number): Load {
  const load: Omit<Load, 'stop'> = { promised: new Map(), sent: 0, refused: new Map(), served: [] };
  const inFlight = new Set<Promise<void>>();
  let body: unknown = fixture(random);

  function next(): unknown {
    if (load.sent % 10 === 9) return body;
    if (load.sent % 7 === 6) return { fixtures: [fixture(random), fixture(random), fixture(random)] };
    return (body = fixture(random));
  }

  async function ask(): Promise<void> {
    const later = load.sent % 3 === 0;
    const content = JSON.stringify(next());
    load.sent++;
    const sent = performance.now();
    try {
      const response = await fetch(`${url}/v1/predictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: later ? 'respond-async' : 'wait=5' },
        body: content,
        signal: AbortSignal.timeout(20_000),
      });
      if (!response.ok) {
        await response.body?.cancel();
        refuse(`http ${response.status}`);
        return;
      }
      const answer = v.parse(Answer, await response.json());
      if (response.status === 202) load.promised.set(answer.id, { told: 'accepted', sent });
      else if ((answer.outcomes ?? [answer]).some(({ cached }) => cached === false)) {
        load.promised.set(answer.id, { told: 'answered', sent });
        load.served.push({ sent, answered: performance.now() });
      }
    } catch (error) {
      refuse(error instanceof Error ? error.name : 'error');
    }
  }
  function refuse(kind: string): void {
    load.refused.set(kind, (load.refused.get(kind) ?? 0) + 1);
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

/** The state of a job as the front door tells it: `done`, `failed`, `queued`, or the status code; with the reasons of what failed. */
export type State = { status: string; reasons: string[] };

const Told = v.object({
  status: v.union([v.string(), v.number()]),
  reason: v.optional(v.string()),
  outcomes: v.optional(v.array(v.object({ reason: v.optional(v.string()) }))),
});

/** The state of every id, asked 16 at a time. */
export async function statesOf(url: string, ids: Iterable<string>): Promise<Map<string, State>> {
  const states = new Map<string, State>();
  const queue = [...ids];
  async function ask(id: string): Promise<State> {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        const response = await fetch(`${url}/v1/predictions/${id}`);
        const { status, reason, outcomes = [] } = v.parse(Told, await response.json());
        if (response.status < 500)
          return {
            status: String(status),
            reasons: [reason, ...outcomes.map((each) => each.reason)].filter((text) => text !== undefined),
          };
      } catch {
        // asked again
      }
      await wait(200);
    }
    return { status: 'no answer', reasons: [] };
  }
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let id = queue.pop(); id !== undefined; id = queue.pop()) states.set(id, await ask(id));
    }),
  );
  return states;
}
