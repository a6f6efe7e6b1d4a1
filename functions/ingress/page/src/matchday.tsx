import { useRef, useState } from 'preact/hooks';
import type { Catalog, Ended } from './api.ts';
import { NotATable, readTable, type Table } from './csv.ts';
import { type Fault, FaultCard, faultOf, faultSaying } from './fault.tsx';
import { fixtureOf, runFixtures } from './fixtures-run.ts';
import { MatchdayTable, type Run } from './matchday-table.tsx';

const mostShown = 20_000;
const example = `home,away
Arsenal,Chelsea
Man Utd,Liverpool
Bayern,Dortmund
Real Madrid,Barcelona
Inter,Milan
`;

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
      setFault(faultSaying(error.message));
    }
  }

  /** Takes the nearest name for an unknown team, and asks for that line again. */
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

  /** Takes a whole text. A long one does not go into the field: browsers need seconds for thousands of lines there. */
  function take(csv: string): void {
    setText(csv.length > mostShown ? '' : csv);
    start(csv);
  }

  function takeFile(file: File | undefined): void {
    if (!file) return;
    file.text().then(take, () => {
      setFault(faultSaying(`“${file.name}” cannot be read.`));
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
          {text === '' && (
            <button
              type="button"
              class="quiet"
              onClick={() => {
                setText(example);
              }}
            >
              Fill in an example
            </button>
          )}
        </p>
      </form>
      {fault && <FaultCard fault={fault} />}
      {run && (
        <MatchdayTable
          run={run}
          onStop={() => {
            running.current?.abort();
            setRun({ ...run, phase: undefined, took: performance.now() - run.since });
          }}
          onRest={() => {
            const { table, outcomes } = run;
            const open = [...outcomes.keys()].filter((place) => outcomes[place] === undefined);
            predict(table, outcomes, open);
          }}
          onRename={(row, name) => {
            rename(run.table, run.outcomes, row, name);
          }}
        />
      )}
    </>
  );
}
