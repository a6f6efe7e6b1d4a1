import { visible } from '../../../shared/visible.ts';
import type { Ended } from './api.ts';
import type { Phase } from './ask.ts';
import type { Table } from './csv.ts';
import { MatchdayRow } from './matchday-row.tsx';
import { downloadOf } from './matchday-rows.ts';
import { duration } from './numbers.ts';
import { Elapsed } from './progress.tsx';

/** A table that is or was predicted: each row with its outcome or none, and how far the asking is while it goes on. `since` is of performance.now(). */
export type Run = {
  table: Table;
  outcomes: (Ended | undefined)[];
  phase: Phase | undefined;
  since: number;
  took: number | undefined;
};

/** The predictions of a table, as they come. */
export function MatchdayTable({
  run,
  onStop,
  onRest,
  onRename,
}: {
  run: Run;
  onStop: () => void;
  /** Asks for what has no outcome yet, after a stop or a lost connection. */
  onRest: () => void;
  onRename: (row: Table['rows'][number], name: string) => void;
}) {
  const { table, outcomes, phase, took } = run;
  const done = outcomes.filter((one) => one?.status === 'done').length;
  const failed = outcomes.filter((one) => one?.status === 'failed').length;
  const total = table.rows.length;
  const words = { asking: 'Predicting', waking: 'Waking up (cold start)', predicting: 'Predicting' };

  function download(): void {
    const url = URL.createObjectURL(new Blob([downloadOf(table, outcomes)], { type: 'text/csv' }));
    const link = Object.assign(document.createElement('a'), { href: url, download: 'predictions.csv' });
    link.click();
    URL.revokeObjectURL(url);
  }

  return (
    <section class="card matchday">
      <header>
        <p role="status">
          {phase ? `${words[phase.name]}: ${done + failed} of ${total}` : `${done} of ${total} predicted`}
          {!phase && took !== undefined && ` in ${duration(took)}`}
          {failed > 0 && `, ${failed} with a fault`}
          {phase?.trouble && ` (${visible(phase.trouble.detail)})`}
        </p>
        {phase ? (
          <p class="actions">
            <Elapsed since={run.since} />
            <button type="button" onClick={onStop}>
              Stop
            </button>
          </p>
        ) : (
          <p class="actions">
            {done + failed < total && (
              <button type="button" onClick={onRest}>
                Predict the rest
              </button>
            )}
            <button type="button" onClick={download}>
              Download CSV
            </button>
          </p>
        )}
      </header>
      <progress value={done + failed} max={total} aria-label="Matches that are done" />
      <div class="scroll" tabIndex={0} role="region" aria-label="Predictions">
        <table role="table">
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Home</th>
              <th scope="col">Away</th>
              <th scope="col">Home · draw · away, %</th>
              <th scope="col">Expected goals</th>
              <th scope="col">Over 2.5</th>
              <th scope="col">Both score</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {table.rows.map((row, place) => (
              <MatchdayRow key={place} row={row} outcome={outcomes[place]} onRename={onRename} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
