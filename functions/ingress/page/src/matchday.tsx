import { useRef, useState } from 'preact/hooks';
import type { Catalog, Ended } from './api.ts';
import type { Phase } from './ask.ts';
import { NotATable, readTable, type Table } from './csv.ts';
import { type Fault, FaultCard, faultOf } from './fault.tsx';
import { fixtureOf, runFixtures } from './fixtures-run.ts';
import { downloadOf } from './matchday-rows.ts';
import { MatchdayRow } from './matchday-row.tsx';
import { duration } from './numbers.ts';
import { visible } from './visible.ts';

type Run = {
  table: Table;
  outcomes: (Ended | undefined)[];
  phase: Phase | undefined;
  since: number;
  took: number | undefined;
};

const mostShown = 20_000;

/** A whole matchday or season, from lines of CSV. */
export function Matchday({ catalog }: { catalog: Catalog }) {
  const [text, setText] = useState('');
  const [run, setRun] = useState<Run>();
  const [fault, setFault] = useState<Fault>();
  const [over, setOver] = useState(false);
  const running = useRef<AbortController>(undefined);

  function predict(table: Table, outcomes: (Ended | undefined)[], places: readonly number[]): void {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const since = performance.now();
    setFault(undefined);
    setRun({ table, outcomes, phase: { name: 'asking' }, since, took: undefined });
    const update = (change: (run: Run) => Run): void => {
      if (!controller.signal.aborted) setRun((before) => before && change(before));
    };
    const fixtures = places.flatMap((place) => {
      const row = table.rows[place];
      return row ? [{ place, fixture: fixtureOf(row) }] : [];
    });
    runFixtures(
      fixtures,
      (came) => {
        update((before) => ({
          ...before,
          outcomes: before.outcomes.map((one, place) => came.get(place) ?? one),
        }));
      },
      (phase) => {
        update((before) => ({ ...before, phase }));
      },
      controller.signal,
    )
      .catch((error: unknown) => {
        if (!controller.signal.aborted) setFault(faultOf(error));
      })
      .finally(() => {
        update((before) => ({ ...before, phase: undefined, took: performance.now() - since }));
      });
  }

  function start(csv: string): void {
    try {
      const table = readTable(csv);
      predict(
        table,
        table.rows.map(() => undefined),
        [...table.rows.keys()],
      );
    } catch (error) {
      if (!(error instanceof NotATable)) throw error;
      setRun(undefined);
      setFault({ message: error.message, choices: [] });
    }
  }

  /** Takes the nearest name for the team that is not known, and asks for that line again. */
  function rename(
    table: Table,
    outcomes: (Ended | undefined)[],
    row: Table['rows'][number],
    name: string,
  ): void {
    const place = table.rows.indexOf(row);
    const known = (team: string): boolean =>
      'fixture' in catalog.teams.resolve({ home: team, away: other(team) });
    const other = (team: string): string =>
      catalog.teams.file.teams.find((one) => one.name !== team && !one.aliases.includes(team))?.name ?? '';
    const field =
      catalog.teams.league(row.league) === undefined &&
      catalog.teams.file.leagues.some(({ id }) => id === name)
        ? 'league'
        : known(row.home)
          ? 'away'
          : 'home';
    const renamed = { ...row, [field]: name };
    const rows = table.rows.with(place, renamed);
    predict({ ...table, rows }, outcomes.with(place, undefined), [place]);
  }

  /** Takes a whole text. A long one is not put into the field: browsers need seconds for thousands of lines in one. */
  function take(csv: string): void {
    setText(csv.length > mostShown ? '' : csv);
    start(csv);
  }

  function takeFile(file: File | undefined): void {
    if (!file) return;
    file.text().then(take, () => {
      setFault({ message: `“${file.name}” cannot be read.`, choices: [] });
    });
  }

  return (
    <>
      <form
        class={over ? 'card paste over' : 'card paste'}
        onSubmit={(event) => {
          event.preventDefault();
          start(text);
        }}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => {
          setOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          takeFile(event.dataTransfer?.files[0]);
        }}
      >
        <label for="csv">Matches, one per line: home, away, and if you like the league</label>
        <textarea
          id="csv"
          rows={7}
          spellcheck={false}
          placeholder={'home,away\nArsenal,Chelsea\nBayern,Dortmund'}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
          }}
          onPaste={(event) => {
            const pasted = event.clipboardData?.getData('text/plain') ?? '';
            if (pasted.length <= mostShown) return;
            event.preventDefault();
            take(pasted);
          }}
        />
        <p class="actions">
          <button type="submit" class="go" disabled={text.trim() === ''}>
            Predict all
          </button>
          <label class="file">
            Open a CSV file
            <input
              type="file"
              accept=".csv,.txt,.tsv,text/csv"
              onChange={(event) => {
                takeFile(event.currentTarget.files?.[0]);
                event.currentTarget.value = '';
              }}
            />
          </label>
          <span class="fine">or drop one here</span>
        </p>
      </form>
      {fault && <FaultCard fault={fault} />}
      {run && (
        <Table
          run={run}
          onStop={() => {
            running.current?.abort();
            setRun({ ...run, phase: undefined, took: performance.now() - run.since });
          }}
          onRename={(row, name) => {
            rename(run.table, run.outcomes, row, name);
          }}
        />
      )}
    </>
  );
}

function Table({
  run,
  onStop,
  onRename,
}: {
  run: Run;
  onStop: () => void;
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
          <button type="button" onClick={onStop}>
            Stop
          </button>
        ) : (
          <button type="button" onClick={download}>
            Download CSV
          </button>
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
