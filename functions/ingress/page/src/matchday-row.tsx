import { useMemo } from 'preact/hooks';
import type { Ended } from './api.ts';
import type { Table } from './csv.ts';
import { percent, wholePercents } from './numbers.ts';
import { OutcomeBar } from './outcome-bar.tsx';
import { visible } from './visible.ts';

/** One line of the table; drawn again only when its outcome changes. */
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
      <tr class={outcome?.status ?? 'open'}>
        <td class="line">{row.line}</td>
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
      <td>{visible(home)}</td>
      <td>{visible(away)}</td>
      <td class="shares">
        <OutcomeBar probabilities={probabilities} />
        <span>
          {whole[0]} · {whole[1]} · {whole[2]}
        </span>
      </td>
      <td class="number">
        {expectedGoals.home.toFixed(1)} – {expectedGoals.away.toFixed(1)}
      </td>
      <td class="number">{percent(markets.over25)}</td>
      <td class="number">{percent(markets.bothTeamsScore)}</td>
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
      <td>{visible(row.home)}</td>
      <td>{visible(row.away)}</td>
      <td colSpan={4} class="reason">
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
