import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Catalog, readCatalog } from './api.ts';
import { type Fault, FaultCard, faultOf } from './fault.tsx';
import { readLink } from './link.ts';
import { Match } from './match.tsx';
import { Matchday } from './matchday.tsx';
import { age, day } from './numbers.ts';
import { persist, type Trouble } from './persist.ts';
import { visible } from '../../../shared/visible.ts';

type Start = { catalog?: Catalog; trouble?: Trouble | undefined; fault?: Fault };

function useCatalog(): Start {
  const [start, setStart] = useState<Start>({});
  useEffect(() => {
    const { signal } = new AbortController();
    persist(
      () => readCatalog(signal),
      (trouble) => {
        setStart((before) => ({ ...before, trouble }));
      },
      signal,
    ).then(
      (catalog) => {
        setStart({ catalog });
      },
      (error: unknown) => {
        setStart({ fault: faultOf(error) });
      },
    );
  }, []);
  return start;
}

function useLink() {
  const [link, setLink] = useState(() => readLink(location.hash));
  useEffect(() => {
    const read = (): void => {
      setLink(readLink(location.hash));
    };
    addEventListener('hashchange', read);
    return () => {
      removeEventListener('hashchange', read);
    };
  }, []);
  return link;
}

function App() {
  const { catalog, trouble, fault } = useCatalog();
  const link = useLink();
  const matchday = link.view === 'matchday';
  return (
    <>
      <header class="top">
        <a class="brand" href="#">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M4 16h24" />
            <circle cx="16" cy="16" r="7" />
            <circle cx="16" cy="16" r="2" class="spot" />
          </svg>
          Kickoff
        </a>
        <nav aria-label="Pages">
          <a href="#" aria-current={matchday ? undefined : 'page'}>
            One match
          </a>
          <a href="#matchday" aria-current={matchday ? 'page' : undefined}>
            Matchday
          </a>
          <a href="/docs">API</a>
        </nav>
      </header>
      <main>
        <div class="intro">
          <h1>{matchday ? 'Predict a whole matchday' : 'Who will win?'}</h1>
          {catalog && (
            <p>
              {catalog.teams.file.teams.length} teams in {catalog.teams.file.leagues.length} leagues, results
              up to {day(catalog.model.ratingsAsOf)} ({age(catalog.model.ratingsAsOf, Date.now())})
              {catalog.model.stale && ' (last good copy: the model registry is away)'}
              {catalog.model.refused !== undefined && ' (last good version: the newer one cannot be loaded)'}
            </p>
          )}
          {!catalog && !fault && (
            <p role="status">{trouble ? `Waking up: ${visible(trouble.detail)}` : 'Loading the teams…'}</p>
          )}
        </div>
        {fault && <FaultCard fault={fault} />}
        {catalog && matchday && <Matchday catalog={catalog} />}
        {catalog && !matchday && (
          <Match
            catalog={catalog}
            link={'fixture' in link ? link.fixture : undefined}
            linkFault={'fault' in link ? link.fault : undefined}
          />
        )}
      </main>
      <footer class="bottom">
        <p>
          Probabilities are estimates from past results, nothing more.{' '}
          {catalog && (
            <>
              Model {visible(catalog.model.name)} version {visible(catalog.model.version)} (
              <code>{visible(catalog.model.alias)}</code>).
            </>
          )}
        </p>
      </footer>
    </>
  );
}

const place = document.querySelector('#app');
if (place) {
  place.textContent = '';
  render(<App />, place);
}
