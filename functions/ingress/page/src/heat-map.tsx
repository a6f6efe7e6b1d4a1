import { finePercent } from './numbers.ts';
import { visible } from '../../../shared/visible.ts';

const shownGoals = 6;

/** The grid cut to 0..5 goals and “6 or more”, which gathers the rest: its cells still add up to the whole. */
function gathered(grid: readonly (readonly number[])[]): number[][] {
  const cells = Array.from({ length: shownGoals + 1 }, () => Array.from({ length: shownGoals + 1 }, () => 0));
  for (const [home, row] of grid.entries())
    for (const [away, share] of row.entries()) {
      const to = cells[Math.min(home, shownGoals)];
      const at = Math.min(away, shownGoals);
      if (to) to[at] = (to[at] ?? 0) + share;
    }
  return cells;
}

/** The likeliest exact scorelines of a grid, best first. */
export function likeliest(
  grid: readonly (readonly number[])[],
  count: number,
): { score: string; share: number }[] {
  return grid
    .flatMap((row, home) => row.map((share, away) => ({ score: `${home}–${away}`, share })))
    .sort((a, b) => b.share - a.share)
    .slice(0, count);
}

const winner = (home: number, away: number): string => (home > away ? 'home' : home < away ? 'away' : 'draw');

/** How likely each scoreline is: home goals down, away goals across, each cell in the colour of who wins. */
export function HeatMap({
  home,
  away,
  grid,
}: {
  home: string;
  away: string;
  grid: readonly (readonly number[])[];
}) {
  const cells = gathered(grid);
  const most = Math.max(...cells.flat());
  const goals = (count: number): string => (count === shownGoals ? `${count}+` : String(count));
  return (
    <table class="heat">
      <caption>
        Scorelines
        <span>
          <b class="home">{visible(home)}</b> goals down, <b class="away">{visible(away)}</b> goals across, in
          percent; each in the colour of who wins
        </span>
      </caption>
      <thead>
        <tr>
          <td />
          {cells.map((_, count) => (
            <th key={count} scope="col">
              {goals(count)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {cells.map((row, count) => (
          <tr key={count}>
            <th scope="row">{goals(count)}</th>
            {row.map((share, column) => (
              <td
                key={column}
                class={`${winner(count, column)}${share === most ? ' most' : ''}`}
                style={{ '--share': String(Math.round((share / most) * 100)) }}
              >
                {share < 0.0005 ? '·' : finePercent(share).replace('%', '')}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td colSpan={shownGoals + 2}>
            Likeliest:{' '}
            {likeliest(grid, 3)
              .map(({ score, share }) => `${score} (${finePercent(share)})`)
              .join(', ')}
          </td>
        </tr>
      </tfoot>
    </table>
  );
}
