import * as v from 'valibot';
import { type Ended, type Fixture, Outcome, read } from './api.ts';
import { persist, type Trouble } from './persist.ts';

/** Where a question is: `waking` when nothing has answered for 300 ms, `predicting` once it is stored and the outcome is awaited. */
export type Phase = { name: 'asking' | 'waking' | 'predicting'; trouble?: Trouble | undefined };

const Single = v.intersect([v.object({ id: v.string() }), Outcome]);
const List = v.object({
  id: v.string(),
  status: v.picklist(['queued', 'done']),
  outcomes: v.optional(v.array(Outcome), []),
});
const coldAfterMs = 300;

/** Asks for one prediction. Rejects with `Refused`, or with the signal's reason. */
export async function ask(
  fixture: Fixture,
  onPhase: (phase: Phase) => void,
  signal: AbortSignal,
): Promise<Ended> {
  let ended: Ended | undefined;
  await run(fixture, Single, {
    onPhase,
    signal,
    take: (answer) => (ended = endedOf(answer)) !== undefined,
    outcome: () => undefined,
  });
  if (!ended) throw new Error('the answer has no outcome');
  return ended;
}

/** Asks for up to 1000 predictions at once; `onOutcome` is called once for each place, as they come. */
export async function askList(
  fixtures: readonly Fixture[],
  onOutcome: (place: number, outcome: Ended) => void,
  onPhase: (phase: Phase) => void,
  signal: AbortSignal,
): Promise<void> {
  const told = new Set<number>();
  const outcome = (place: number, one: Outcome): void => {
    const ended = endedOf(one);
    if (!ended || told.has(place)) return;
    told.add(place);
    onOutcome(place, ended);
  };
  await run({ fixtures }, List, {
    onPhase,
    signal,
    outcome,
    take({ status, outcomes }) {
      for (const [place, one] of outcomes.entries()) outcome(place, one);
      return status === 'done';
    },
  });
}

function endedOf(outcome: Outcome): Ended | undefined {
  return outcome.status === 'queued' ? undefined : outcome;
}

type Follow<T> = {
  onPhase: (phase: Phase) => void;
  signal: AbortSignal;
  /** Takes a state of the job; true when it is the last. */
  take: (state: T) => boolean;
  outcome: (place: number, outcome: Outcome) => void;
};

async function run<S extends v.GenericSchema<unknown, { id: string }>>(
  body: object,
  schema: S,
  { onPhase, signal, take, outcome }: Follow<v.InferOutput<S>>,
): Promise<void> {
  let phase: Phase = { name: 'asking' };
  const set = (next: Partial<Phase>): void => {
    phase = { ...phase, ...next };
    onPhase(phase);
  };
  set({});
  const cold = setTimeout(() => {
    if (phase.name === 'asking') set({ name: 'waking' });
  }, coldAfterMs);
  const onTrouble = (trouble: Trouble | undefined): void => {
    set({ trouble });
  };
  try {
    const first = await persist(
      async () => {
        const response = await fetch('/v1/predictions', {
          method: 'POST',
          headers: { 'content-type': 'application/json', prefer: 'wait=1' },
          body: JSON.stringify(body),
          signal,
        });
        return read(response, schema);
      },
      onTrouble,
      signal,
    );
    if (take(first)) return;
    set({ name: 'predicting' });
    await follow(first.id, schema, { onTrouble, signal, take, outcome });
  } finally {
    clearTimeout(cold);
  }
}

const Placed = v.intersect([v.object({ place: v.number() }), Outcome]);

/**
 * Listens to the states of a stored question to its end: a last `state`. The browser takes up any other stream again with `Last-Event-ID`, also one that
 * was cut and looks whole.
 */
function follow<S extends v.GenericSchema>(
  id: string,
  schema: S,
  {
    onTrouble,
    signal,
    take,
    outcome,
  }: Omit<Follow<v.InferOutput<S>>, 'onPhase'> & { onTrouble: (trouble: Trouble | undefined) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`/v1/predictions/${id}/events`);
    const end = (settle: () => void): void => {
      source.close();
      signal.removeEventListener('abort', abort);
      settle();
    };
    const abort = (): void => {
      end(() => {
        reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
      });
    };
    signal.addEventListener('abort', abort);
    const listen = <T extends v.GenericSchema>(
      name: string,
      data: T,
      use: (value: v.InferOutput<T>) => void,
    ): void => {
      source.addEventListener(name, (event: MessageEvent<unknown>) => {
        const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), data), event.data);
        if (parsed.success) use(parsed.output);
      });
    };
    listen('outcome', Placed, (placed) => {
      outcome(placed.place, placed);
    });
    listen('state', schema, (state) => {
      if (take(state)) end(resolve);
    });
    // The stream is over, the question is not: the browser asks again by itself, and nothing is wrong.
    let again = false;
    source.addEventListener('again', () => {
      again = true;
    });
    source.onopen = () => {
      again = false;
      onTrouble(undefined);
    };
    source.onerror = () => {
      if (again && source.readyState !== EventSource.CLOSED) return;
      if (source.readyState !== EventSource.CLOSED) {
        onTrouble({ why: 'lost', detail: 'Connection lost: the request is stored, listening again.' });
        return;
      }
      // The server refused the stream. A browser does not tell why; the state itself does.
      end(() => {
        persist(async () => read(await fetch(`/v1/predictions/${id}`, { signal }), schema), onTrouble, signal)
          .then((state) => {
            if (take(state)) resolve();
            else follow(id, schema, { onTrouble, signal, take, outcome }).then(resolve, reject);
          })
          .catch(reject);
      });
    };
  });
}
