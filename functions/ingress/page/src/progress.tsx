import { useEffect, useState } from 'preact/hooks';
import type { Phase } from './ask.ts';
import { duration } from './numbers.ts';
import { visible } from '../../../shared/visible.ts';

const steps = [
  { name: 'asking', title: 'Asking' },
  { name: 'waking', title: 'Waking up' },
  { name: 'predicting', title: 'Predicting' },
] as const;

const explained = {
  asking: 'The request is on its way.',
  waking:
    'Most likely a cold start: the functions stop when nobody asks, and start again with the first request.',
  predicting: 'The request is stored and cannot get lost; its answer comes as soon as the model has it.',
};

/** Where a question is, as it happens, with the time since it was asked. */
export function Progress({ phase, since, onStop }: { phase: Phase; since: number; onStop: () => void }) {
  const at = steps.findIndex(({ name }) => name === phase.name);
  return (
    <section class="card progress">
      <ol class="steps">
        {steps.map(({ name, title }, place) => (
          <li
            key={name}
            class={place < at ? 'past' : undefined}
            aria-current={place === at ? 'step' : undefined}
          >
            {title}
          </li>
        ))}
        <li>Done</li>
      </ol>
      <Elapsed since={since} />
      <p role="status">{phase.trouble ? visible(phase.trouble.detail) : explained[phase.name]}</p>
      <button type="button" onClick={onStop}>
        Stop
      </button>
    </section>
  );
}

/** The time since `since` (performance.now()), running. It is not announced: it would be read out ten times a second. */
export function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(performance.now());
    }, 100);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return (
    <span class="elapsed" aria-hidden="true">
      {duration(Math.max(0, now - since))}
    </span>
  );
}
