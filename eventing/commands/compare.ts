import { type Agreement, agreement } from '../../functions/shared/model/agreement.ts';
import type { Compared } from '../../functions/shared/store/history.ts';
import type { ModelRef } from '../../functions/shared/prediction.ts';
import { type Command, type Exit, runCommand } from './command.ts';
import { knownTeams } from './scoring/known-teams.ts';
import { onStore } from './operator.ts';
import { type Result, readResults } from './scoring/results.ts';
import { isBefore, mean, type Paired, paired, type Score, scoreOf } from './scoring/scoring.ts';

const help = `npm run compare [-- RESULTS.csv] [--json]

Compares what a challenger would have said with what was answered, match by match. With results (the format of matches.csv) it scores
both on the same matches. A difference below 0 is in the challenger's favour.

  STORE_URL             redis://…, rediss://… or sqlite:path (default: store.db in the folder of KICKOFF_STATE)
  KICKOFF_STATE         the folder that npm start keeps its state in (default .kickoff)
  MLFLOW_TRACKING_URI   where the model's team names come from (default: the shipped registry), with MODEL_URI

Exit code: 0 compared, 1 there is nothing to compare, or a line is bad, 2 wrong usage or the store cannot be asked.`;

export type Scored = {
  matches: number;
  champion: Score;
  challenger: Score;
  logLoss: Paired;
  rps: Paired;
};
export type Comparison = {
  champion: ModelRef;
  challenger: ModelRef;
  agreement: Agreement;
  scored?: Scored | undefined;
};

/** Compares one champion with one challenger; `scored` if any of the results was predicted before the match. */
export function compareVersions(
  { champion, challenger, pairs }: Compared,
  results: readonly Result[],
): Comparison {
  const played = new Map<string, Result[]>();
  for (const result of results) {
    const key = `${result.home}\t${result.away}`;
    played.set(key, [...(played.get(key) ?? []), result]);
  }
  const ratingsAsOf = [champion.ratingsAsOf, challenger.ratingsAsOf].sort()[1] ?? '';
  const scores = pairs.flatMap((pair) =>
    (played.get(`${pair.home}\t${pair.away}`) ?? [])
      .filter((result) => isBefore(pair, ratingsAsOf, result))
      .map((result) => ({ a: scoreOf(pair.champion, result), b: scoreOf(pair.challenger, result) })),
  );
  const found = { champion, challenger, agreement: agreement(pairs) };
  if (scores.length === 0) return found;
  const of = (side: 'a' | 'b'): Score => ({
    logLoss: mean(scores.map((one) => one[side].logLoss)),
    rps: mean(scores.map((one) => one[side].rps)),
  });
  return {
    ...found,
    scored: {
      ...{ matches: scores.length, champion: of('a'), challenger: of('b') },
      logLoss: paired(scores.map(({ a, b }) => b.logLoss - a.logLoss)),
      rps: paired(scores.map(({ a, b }) => b.rps - a.rps)),
    },
  };
}

function lines({ champion, challenger, agreement: found, scored }: Comparison): string[] {
  const { matches, sameFavourite, meanDifference, largest } = found;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const interval = ({ difference, from, to }: Paired): string =>
    `${difference.toFixed(5)} ${from === null || to === null ? '' : `[${from.toFixed(5)}, ${to.toFixed(5)}]`}`;
  return [
    `challenger version ${challenger.version} against ${champion.version}: ${matches} matches, same favourite ${percent(sameFavourite)}, difference ${percent(meanDifference)} on average`,
    ...(largest
      ? [`  largest: ${largest.home} - ${largest.away} (${largest.league}) ${percent(largest.difference)}`]
      : []),
    ...(scored
      ? [
          `  played since: n ${scored.matches}`,
          `  log-loss ${scored.challenger.logLoss.toFixed(4)} against ${scored.champion.logLoss.toFixed(4)}, paired ${interval(scored.logLoss)} (95 %)`,
          `  RPS      ${scored.challenger.rps.toFixed(4)} against ${scored.champion.rps.toFixed(4)}, paired ${interval(scored.rps)} (95 %)`,
        ]
      : []),
  ];
}

/** Prints how challengers compare with champions. */
export async function compare(command: Command): Promise<Exit> {
  const { print, complain } = command;
  const frame = { help, options: { json: { type: 'boolean' } }, words: 1 } as const;
  return runCommand(command, frame, async ({ values, positionals }) => {
    const [file] = positionals;
    const read =
      file === undefined ? { results: [], faults: [] } : readResults(file, await knownTeams(command));
    for (const fault of read.faults) complain(fault);
    return await onStore(command, async (store) => {
      const compared = await store.history.shadows();
      const comparisons = compared.map((one) => compareVersions(one, read.results));
      if (values.json) print(JSON.stringify(comparisons));
      else if (comparisons.length === 0)
        print('nothing was compared: no challenger has predicted since the alias Challenger was set');
      else for (const line of comparisons.flatMap(lines)) print(line);
      return comparisons.length === 0 || read.faults.length > 0 ? 1 : 0;
    });
  });
}
