import { useEffect, useRef, useState } from 'preact/hooks';
import type { Catalog, Done, Fixture } from './api.ts';
import { ask, type Phase } from './ask.ts';
import { Combobox, type Option } from './combobox.tsx';
import { type Fault, FaultCard, faultOf, faultSaying } from './fault.tsx';
import { Earlier } from './earlier.tsx';
import { type Entry, forget, readHistory, remember } from './history.ts';
import { writeLink } from './link.ts';
import { wholePercents } from './numbers.ts';
import { Progress } from './progress.tsx';
import { Result, type Took } from './result.tsx';
import { Suggestions } from './suggestions.tsx';
import { visible } from '../../../shared/visible.ts';

type State =
  | { is: 'idle' }
  | { is: 'asking'; phase: Phase; since: number }
  | { is: 'done'; answer: Done; took: Took }
  | { is: 'failed'; fault: Fault };

/** One match: who plays, and what the model thinks of it. */
export function Match({
  catalog,
  link,
  linkFault,
}: {
  catalog: Catalog;
  link: Fixture | undefined;
  linkFault: string | undefined;
}) {
  const { teams } = catalog;
  const [league, setLeague] = useState('');
  const [home, setHome] = useState('');
  const [away, setAway] = useState('');
  const [state, setState] = useState<State>({ is: 'idle' });
  const [earlier, setEarlier] = useState<Entry[]>(readHistory);
  const running = useRef<AbortController>(undefined);

  const leagueName = (id: string): string =>
    teams.league(id)?.name ?? (id === 'neutral' ? 'Between countries' : id);
  const chosen = teams.league(league);

  function predict(fixture: Fixture): void {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const since = performance.now();
    let cold = false;
    const show = (next: State): void => {
      if (!controller.signal.aborted) setState(next);
    };
    const onPhase = (phase: Phase): void => {
      cold ||= phase.name === 'waking';
      show({ is: 'asking', phase, since });
    };
    ask({ ...fixture, scoreline: true }, onPhase, controller.signal).then(
      (answer) => {
        if (answer.status === 'failed') {
          show({ is: 'failed', fault: faultSaying(answer.reason) });
          return;
        }
        if (controller.signal.aborted) return;
        const { prediction } = answer;
        setHome(prediction.home);
        setAway(prediction.away);
        setState({ is: 'done', answer, took: { ms: performance.now() - since, cold } });
        setEarlier(remember(prediction, Date.now()));
      },
      (error: unknown) => {
        show({ is: 'failed', fault: faultOf(error) });
      },
    );
  }

  useEffect(() => {
    if (state.is === 'idle' || state.is === 'done')
      document.title =
        state.is === 'idle'
          ? 'Kickoff: match predictions'
          : `${visible(state.answer.prediction.home)} v ${visible(state.answer.prediction.away)} · Kickoff`;
  }, [state]);

  useEffect(() => {
    if (linkFault !== undefined) setState({ is: 'failed', fault: faultSaying(linkFault) });
    if (!link) return;
    setHome(link.home);
    setAway(link.away);
    setLeague(link.league === undefined ? '' : leagueName(link.league));
    predict(link);
    return () => {
      running.current?.abort();
    };
  }, [link, linkFault]);

  function go(fixture: Fixture): void {
    const hash = writeLink(fixture);
    // The same match again: the address does not change, so nothing else asks.
    if (location.hash === hash) predict(fixture);
    else location.hash = hash;
  }

  const teamOptions = (text: string): Option[] =>
    teams.search({ league: chosen, text }).map((team) => {
      const alias = team.aliases.find((one) => one.toLowerCase().includes(text.toLowerCase()));
      const byAlias =
        text !== '' && !team.name.toLowerCase().includes(text.toLowerCase()) && alias !== undefined;
      return {
        value: team.name,
        note: byAlias ? alias : team.league === null ? team.country : leagueName(team.league),
      };
    });
  const leagueOptions = (text: string): Option[] =>
    teams.file.leagues
      .filter(({ id, name, country }) =>
        `${name} ${id} ${country}`.toLowerCase().includes(text.toLowerCase()),
      )
      .map(({ name, country, tier }) => ({ value: name, note: `${country}, level ${tier}` }));

  const wrong = (field: string): boolean => state.is === 'failed' && state.fault.fields.includes(field);
  const ready = home.trim() !== '' && away.trim() !== '';
  const fixture: Fixture = {
    home: home.trim(),
    away: away.trim(),
    ...(league.trim() === '' ? {} : { league: chosen?.id ?? league.trim() }),
  };
  return (
    <>
      <form
        class="card ask"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) go(fixture);
        }}
      >
        <Combobox
          label="League"
          placeholder="Any league"
          value={league}
          invalid={wrong('league')}
          options={leagueOptions}
          onInput={setLeague}
        />
        <Combobox
          label="Home team"
          placeholder="Type a name"
          value={home}
          invalid={wrong('home')}
          options={teamOptions}
          onInput={setHome}
        />
        <button
          type="button"
          class="swap"
          aria-label="Swap home and away"
          title="Swap home and away"
          onClick={() => {
            setHome(away);
            setAway(home);
          }}
        >
          ⇄
        </button>
        <Combobox
          label="Away team"
          placeholder="Type a name"
          value={away}
          invalid={wrong('away')}
          options={teamOptions}
          onInput={setAway}
        />
        <button type="submit" class="go" disabled={!ready}>
          Predict
        </button>
      </form>
      {state.is === 'idle' && earlier.length === 0 && <Suggestions teams={teams} />}
      {state.is === 'asking' && (
        <Progress
          phase={state.phase}
          since={state.since}
          onStop={() => {
            running.current?.abort();
            setState({ is: 'idle' });
          }}
        />
      )}
      {state.is === 'failed' && (
        <FaultCard
          fault={state.fault}
          onChoose={(field, name) => {
            go({ ...fixture, [field]: name });
          }}
        />
      )}
      <p class="unseen" role="status">
        {state.is === 'done' && announced(state.answer)}
      </p>
      {state.is === 'done' && (
        <Result
          answer={state.answer}
          took={state.took}
          leagueName={leagueName(state.answer.prediction.league)}
        />
      )}
      <Earlier
        entries={earlier}
        leagueName={leagueName}
        onForget={() => {
          setEarlier(forget());
        }}
      />
    </>
  );
}

/** The figures in a sentence, for people who cannot see them appear. */
function announced({ prediction: { home, away, probabilities } }: Done): string {
  const [won, drawn, lost] = wholePercents([probabilities.home, probabilities.draw, probabilities.away]);
  return `${visible(home)} ${won} percent, draw ${drawn}, ${visible(away)} ${lost}.`;
}
