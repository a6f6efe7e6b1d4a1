import * as v from 'valibot';

/** A function's log line about its start; times are the age of its process in ms. */
const Milestone = v.object({
  message: v.string(),
  sinceStartMs: v.number(),
  fetched: v.optional(v.number()),
  session: v.optional(v.number()),
  warmed: v.optional(v.number()),
});

/** In their order. Only with a model: `fetched` (its files are there), `session` (its graph is loaded) and `warmed` (it ran once). */
const names = {
  spawned: 'spawned',
  listening: 'listening',
  fetched: 'model fetched',
  session: 'session ready',
  warmed: 'warmed',
  ready: 'ready',
  firstAnswer: 'first answer',
} as const;
export type Phase = keyof typeof names;
export type ColdStartPhases = { revision: string } & Partial<Record<Phase, number>>;

/** The phases of one start, in ms after it was scheduled. */
export type ColdStart = {
  readonly phases: ColdStartPhases;
  reached(phase: Phase): void;
  /** An answer is complete: the first one ends the cold start. */
  answered(): void;
  /** Looks for a phase in a line of the function's log: JSON with `sinceStartMs`. */
  read(line: string): void;
};

/** Begins to measure a start that was asked for at `scheduledMs` (performance.now()). */
export function startColdStart(
  revision: string,
  scheduledMs: number,
  ended: (phases: ColdStartPhases) => void,
): ColdStart {
  const phases: ColdStartPhases = { revision };
  const reached = (phase: Phase): void => {
    phases[phase] ??= round(performance.now() - scheduledMs);
  };
  return {
    phases,
    reached,
    answered() {
      if (phases.firstAnswer !== undefined) return;
      reached('firstAnswer');
      ended(phases);
    },
    read(line) {
      if (phases.firstAnswer !== undefined || !line.startsWith('{') || !line.includes('"sinceStartMs"'))
        return;
      try {
        const { message, ...ages } = v.parse(Milestone, JSON.parse(line));
        if (message === 'listening') reached('listening');
        for (const phase of ['fetched', 'session', 'warmed'] as const) {
          const age = ages[phase];
          if (age !== undefined) phases[phase] ??= round((phases.spawned ?? 0) + age);
        }
      } catch {
        // a line that only looks like one
      }
    },
  };
}

/** `predict-00001 cold start 131 ms: spawned 3, listening 54, model fetched 80, session ready 105, warmed 112, ready 118, first answer 131`. */
export function describeColdStart(phases: ColdStartPhases): string {
  const parts = Object.entries(names).flatMap(([phase, name]) => {
    const ms = phases[phase as Phase];
    return ms === undefined ? [] : [`${name} ${ms}`];
  });
  return `${phases.revision} cold start ${phases.firstAnswer ?? phases.ready ?? '?'} ms: ${parts.join(', ')}`;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
