import { useState } from 'preact/hooks';
import type { Done } from './api.ts';
import { HeatMap } from './heat-map.tsx';
import { writeLink } from './link.ts';
import { day, duration, percent } from './numbers.ts';
import { OutcomeBar, OutcomeFigures } from './outcome-bar.tsx';
import { verdict } from './verdict.ts';
import { visible } from '../../../shared/visible.ts';

/** How an answer came about: how long it took, and whether the functions had to start first. */
export type Took = { ms: number; cold: boolean };

/** All that is known of one match. */
export function Result({ answer, took, leagueName }: { answer: Done; took: Took; leagueName: string }) {
  const { prediction, model, cached } = answer;
  const { home, away, probabilities, expectedGoals, markets, scoreline } = prediction;
  const most = Math.max(expectedGoals.home, expectedGoals.away, 2);
  const marketRows = [
    { title: 'Over 1.5 goals', share: markets.over15, other: 'under' },
    { title: 'Over 2.5 goals', share: markets.over25, other: 'under' },
    { title: 'Over 3.5 goals', share: markets.over35, other: 'under' },
    { title: 'Both teams score', share: markets.bothTeamsScore, other: 'not' },
  ];
  return (
    <article class="result" aria-label={`${visible(home)} against ${visible(away)}`}>
      <section class="card verdict">
        <header>
          <h2 tabIndex={-1}>
            {visible(home)} <span class="versus">v</span> {visible(away)}
          </h2>
          <p class="league">{visible(leagueName)}</p>
        </header>
        <OutcomeFigures home={home} away={away} probabilities={probabilities} />
        <OutcomeBar probabilities={probabilities} />
        <p class="sentence">{visible(verdict(prediction))}</p>
        <h3>Expected goals</h3>
        <dl class="meters">
          {(['home', 'away'] as const).map((side) => (
            <div key={side} class={side}>
              <dt>{visible(side === 'home' ? home : away)}</dt>
              <dd>
                <b>{expectedGoals[side].toFixed(2)}</b>
                <i style={{ width: `${(expectedGoals[side] / most) * 100}%` }} />
              </dd>
            </div>
          ))}
        </dl>
        <h3>Goals</h3>
        <dl class="meters">
          {marketRows.map(({ title, share, other }) => (
            <div key={title}>
              <dt>{title}</dt>
              <dd>
                <b>{percent(share)}</b>
                <span class="whole">
                  <i style={{ width: `${share * 100}%` }} />
                </span>
                <small>
                  {other} {100 - Math.round(share * 100)}%
                </small>
              </dd>
            </div>
          ))}
        </dl>
      </section>
      <section class="card">
        {scoreline ? (
          <HeatMap home={home} away={away} grid={scoreline} />
        ) : (
          <p>No scorelines were asked for.</p>
        )}
      </section>
      <footer class="source">
        <p>
          {model && (
            <>
              Model <b>{visible(model.name)}</b> version <b>{visible(model.version)}</b>, knows results up to{' '}
              <b>{day(model.ratingsAsOf)}</b>
              {model.stale && <strong class="badge warn">last good copy: the registry is away</strong>}
              {model.refused !== undefined && (
                <strong class="badge warn">
                  last good version: {visible(model.refused)} cannot be loaded
                </strong>
              )}
            </>
          )}{' '}
          <span class="badge">{cached ? 'from the cache' : 'computed now'}</span>{' '}
          <span class="badge">
            {duration(took.ms)}
            {took.cold && ', probably with a cold start'}
          </span>
        </p>
        <CopyLink prediction={prediction} />
      </footer>
    </article>
  );
}

function CopyLink({ prediction }: { prediction: Done['prediction'] }) {
  const [copied, setCopied] = useState<string>();
  const { home, away, league } = prediction;
  const url = new URL(writeLink({ home, away, ...(league === 'neutral' ? {} : { league }) }), location.href)
    .href;
  function copy(): void {
    navigator.clipboard.writeText(url).then(
      () => {
        setCopied('Copied');
      },
      () => {
        setCopied('Not allowed: copy the address');
      },
    );
  }
  return (
    <p class="share">
      {/* Without a secure connection a browser has no clipboard to write to. */}
      {isSecureContext && (
        <button type="button" onClick={copy}>
          Copy link
        </button>
      )}{' '}
      <a href={url}>Link to this match</a> <span role="status">{copied}</span>
    </p>
  );
}
