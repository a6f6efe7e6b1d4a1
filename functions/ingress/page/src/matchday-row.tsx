import { useMemo } from 'preact/hooks';
import type { Ended } from './api.ts';
import type { Table } from './csv.ts';
import { percent, wholePercents } from './numbers.ts';
import { OutcomeBar } from './outcome-bar.tsx';
import { visible } from '../../../shared/visible.ts';

/**
 * One line of the table, drawn again only when its outcome changes. On a phone the cells stand in a grid, and browsers forget that they are
 * cells: hence the roles.
 */
export function MatchdayRow({
  row,
  outcome,
  onRename,
}: {
  row: Table['rows'][number];
  outcome: Ended | undefined;
  onRename: (row: Table['rows'][number], name: string) => void;
}) {
  return useMemo(
    () => (
      <tr role="row" class={outcome?.status ?? 'open'}>
        <td role="cell" class="line">
          {row.line}
        </td>
        {outcome?.status === 'done' ? (
          <Predicted outcome={outcome} />
        ) : (
          <Open row={row} outcome={outcome} onRename={onRename} />
        )}
      </tr>
    ),
    [row, outcome],
  );
}

function Predicted({ outcome: { prediction } }: { outcome: Extract<Ended, { status: 'done' }> }) {
  const { home, away, probabilities, expectedGoals, markets } = prediction;
  const whole = wholePercents([probabilities.home, probabilities.draw, probabilities.away]);
  return (
    <>
      <td role="cell" class="team">
        {visible(home)}
      </td>
      <td role="cell" class="team">
        {visible(away)}
      </td>
      <td role="cell" class="shares">
        <OutcomeBar probabilities={probabilities} />
        <span>
          {whole[0]} · {whole[1]} · {whole[2]}
        </span>
      </td>
      <td role="cell" class="number" data-title="Goals">
        {expectedGoals.home.toFixed(1)} – {expectedGoals.away.toFixed(1)}
      </td>
      <td role="cell" class="number" data-title="Over 2.5">
        {percent(markets.over25)}
      </td>
      <td role="cell" class="number" data-title="Both score">
        {percent(markets.bothTeamsScore)}
      </td>
    </>
  );
}

function Open({
  row,
  outcome,
  onRename,
}: {
  row: Table['rows'][number];
  outcome: Extract<Ended, { status: 'failed' }> | undefined;
  onRename: (row: Table['rows'][number], name: string) => void;
}) {
  const choices = outcome?.nearest ?? [];
  return (
    <>
      <td role="cell" class="team">
        {visible(row.home)}
      </td>
      <td role="cell" class="team">
        {visible(row.away)}
      </td>
      <td role="cell" colSpan={4} class="reason">
        {outcome &&
          visible(choices.length > 0 ? outcome.reason.replace(/; (nearest|known): .*$/, '') : outcome.reason)}
        {choices.map((name) => (
          <button
            key={name}
            type="button"
            onClick={() => {
              onRename(row, name);
            }}
          >
            {visible(name)}
          </button>
        ))}
      </td>
    </>
  );
}
