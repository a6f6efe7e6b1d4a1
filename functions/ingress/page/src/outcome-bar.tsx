import { wholePercents } from './numbers.ts';
import { visible } from '../../../shared/visible.ts';

type Shares = { home: number; draw: number; away: number };
const sides = ['home', 'draw', 'away'] as const;

/** Home, draw and away as parts of one bar; the figures stand beside it as text. */
export function OutcomeBar({ probabilities }: { probabilities: Shares }) {
  return (
    <div class="bar" aria-hidden="true">
      {sides.map((side) => (
        <span key={side} class={side} style={{ flexGrow: probabilities[side] }} />
      ))}
    </div>
  );
}

/** The three figures in large. */
export function OutcomeFigures({
  home,
  away,
  probabilities,
}: {
  home: string;
  away: string;
  probabilities: Shares;
}) {
  const whole = wholePercents(sides.map((side) => probabilities[side]));
  const titles = { home, draw: 'Draw', away };
  return (
    <dl class="figures">
      {sides.map((side, place) => (
        <div key={side} class={side}>
          <dt>{visible(titles[side])}</dt>
          <dd>{whole[place]}%</dd>
        </div>
      ))}
    </dl>
  );
}
