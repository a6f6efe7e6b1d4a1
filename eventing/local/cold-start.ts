import * as v from 'valibot';

/** A function's log line about its start. */
const Milestone = v.object({ message: v.string(), sinceStartMs: v.number() });

export type Phase = 'spawned' | 'listening' | 'model' | 'ready' | 'firstAnswer';
export type ColdStartPhases = { revision: string } & Partial<Record<Phase, number>>;

/** The phases of one start, in ms after it was scheduled. */
export type ColdStart = {
  readonly phases: ColdStartPhases;
  reached(phase: Phase): void;
  /** An answer is complete: the first one ends the cold start. */
  answered(): void;
  /** Looks for a phase in a line of the function's log: a JSON object with `sinceStartMs`. */
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
    phases[phase] ??= Math.round((performance.now() - scheduledMs) * 10) / 10;
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
        const { message } = v.parse(Milestone, JSON.parse(line));
        if (message === 'listening') reached('listening');
        // A function says that it is ready when its model is; the platform finds it ready when the probe says so.
        else if (message === 'ready') reached('model');
      } catch {
        // a line that only looks like one
      }
    },
  };
}

/** `predict-00001 cold start 131 ms: spawned 3, listening 84, model 112, ready 118, first answer 131`. */
export function describeColdStart(phases: ColdStartPhases): string {
  const names: [Phase, string][] = [
    ['spawned', 'spawned'],
    ['listening', 'listening'],
    ['model', 'model'],
    ['ready', 'ready'],
    ['firstAnswer', 'first answer'],
  ];
  const parts = names.flatMap(([phase, name]) =>
    phases[phase] === undefined ? [] : [`${name} ${phases[phase]}`],
  );
  return `${phases.revision} cold start ${phases.firstAnswer ?? phases.ready ?? '?'} ms: ${parts.join(', ')}`;
}
