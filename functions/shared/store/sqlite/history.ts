import * as v from 'valibot';
import {
  type Compared,
  forecastFrom,
  forecastOf,
  forecastText,
  type History,
  maxPairs,
  pairFrom,
  pairText,
} from '../history.ts';
import type { Kept } from '../rules.ts';
import type { SqliteFile } from './file.ts';
import type { SqliteResults } from './results.ts';
import { hashOf, matchKey } from './texts.ts';

const Said = v.object({ league: v.string(), model: v.string(), made: v.number(), text: v.string() });
const Made = v.object({ made: v.number() });
const Versions = v.object({ champion: v.string(), challenger: v.string() });
const Pair = v.object({
  ...{ home: v.string(), away: v.string(), league: v.string() },
  ...{ made: v.number(), text: v.string() },
});
const Count = v.object({ count: v.number() });

/** The history of an SQLite store (see `History`): tables `said` and `shadows`. */
export function sqliteHistory(
  file: SqliteFile,
  results: Pick<SqliteResults, 'modelId' | 'modelOf'>,
  kept: Kept,
): History {
  // Two statements: INSERT … SELECT … WHERE NOT EXISTS copies through a table of its own, and takes twice as long.
  const earlier = file.statement(
    'SELECT made FROM said WHERE hash = ? AND home = ? AND away = ? AND league = ? AND model = ?',
    Made,
  );
  const insert = file.change(
    'INSERT INTO said (hash, home, away, league, model, made, text) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const ofMatch = file.statement(
    'SELECT league, model, made, text FROM said WHERE hash = ? AND home = ? AND away = ? AND made > ? ORDER BY made',
    Said,
  );
  const insertPair = file.change(
    'INSERT OR IGNORE INTO shadows (champion, challenger, home, away, league, made, text) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const size = file.statement(
    'SELECT count(*) AS count FROM shadows WHERE champion = ? AND challenger = ?',
    Count,
  );
  const versions = file.statement(
    'SELECT champion, challenger FROM shadows WHERE made > ? GROUP BY champion, challenger ORDER BY min(made) DESC',
    Versions,
  );
  const pairs = file.statement(
    'SELECT home, away, league, made, text FROM shadows WHERE champion = ? AND challenger = ? AND made > ?',
    Pair,
  );
  const old = ['said', 'shadows'].map((table) => file.change(`DELETE FROM ${table} WHERE made < ?`));
  const since = (): number => Date.now() - kept.history;
  let prunedAt = 0;

  /** A table scan, so at most once an hour. */
  function prune(now: number): void {
    if (now - prunedAt < 3_600_000) return;
    prunedAt = now;
    for (const remove of old) remove(now - kept.history);
  }

  return {
    add: ({ model, predictions, now }) =>
      file.guarded(() => {
        file.write(() => {
          const id = results.modelId(model);
          for (const one of predictions) {
            const by = [hashOf(matchKey(one.home, one.away)), one.home, one.away, one.league, id] as const;
            if (!earlier.get(...by)) insert(...by, now, forecastText(forecastOf(one)));
          }
          prune(now);
        });
      }),
    of: (home, away) =>
      file.guarded(() =>
        ofMatch
          .all(hashOf(matchKey(home, away)), home, away, since())
          .flatMap(({ league, model: id, made, text }) => {
            const model = results.modelOf(id);
            const forecast = forecastFrom(JSON.parse(text));
            return model ? [{ home, away, league, model, made, forecast }] : [];
          }),
      ),
    shadow: ({ champion, challenger, pairs: added, now }) =>
      file.guarded(() => {
        file.write(() => {
          const ids = [results.modelId(champion), results.modelId(challenger)] as const;
          let room = maxPairs - (size.get(...ids)?.count ?? 0);
          for (const one of added)
            if (room > 0) room -= insertPair(...ids, one.home, one.away, one.league, now, pairText(one));
          prune(now);
        });
      }),
    shadows: () =>
      file.guarded(() =>
        versions.all(since()).flatMap((ids): Compared[] => {
          const [champion, challenger] = [results.modelOf(ids.champion), results.modelOf(ids.challenger)];
          if (!champion || !challenger) return [];
          const rows = pairs.all(ids.champion, ids.challenger, since());
          return [
            { champion, challenger, pairs: rows.map(({ text, ...row }) => ({ ...row, ...pairFrom(text) })) },
          ];
        }),
      ),
  };
}
