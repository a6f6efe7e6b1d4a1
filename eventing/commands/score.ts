import type { ModelRef } from '../../functions/shared/prediction.ts';
import type { Store } from '../../functions/shared/store/store.ts';
import { type Command, type Exit, Refusal, runCommand } from './command.ts';
import { knownTeams } from './scoring/known-teams.ts';
import { onStore } from './operator.ts';
import { type Result, readResults } from './scoring/results.ts';
import { isBefore, mean, type Score, scoreOf } from './scoring/scoring.ts';

const help = `npm run score -- RESULTS.csv [--json]

Scores what each version said of the matches in RESULTS.csv (the format of matches.csv) before they began.

  STORE_URL             redis://…, rediss://… or sqlite:path (default: store.db in the folder of KICKOFF_STATE)
  KICKOFF_STATE         the folder that npm start keeps its state in (default .kickoff)
  MLFLOW_TRACKING_URI   where the model's team names come from (default: the shipped registry), with MODEL_URI

Exit code: 0 scored, 1 no match was predicted before it began, or a line is bad, 2 wrong usage or the store cannot be asked.`;

export type VersionScore = Score & { model: ModelRef; matches: number };

/** The scores of each version, most matches first, and how many results no version had predicted. */
export async function scoreResults(
  history: Pick<Store['history'], 'of'>,
  results: readonly Result[],
): Promise<{ versions: VersionScore[]; unpredicted: number }> {
  const scores = new Map<string, { model: ModelRef; scores: Score[] }>();
  let unpredicted = 0;
  for (const result of results) {
    const said = (await history.of(result.home, result.away)).filter((one) =>
      isBefore(one, one.model.ratingsAsOf, result),
    );
    if (said.length === 0) unpredicted += 1;
    // A version may have been asked in another league, and while stale: its last word counts.
    for (const [digest, { model, forecast }] of new Map(said.map((one) => [one.model.digest, one]))) {
      const of = scores.get(digest) ?? { model, scores: [] };
      of.scores.push(scoreOf(forecast, result));
      scores.set(digest, of);
    }
  }
  const versions = [...scores.values()].map(({ model, scores: all }) => ({
    model,
    matches: all.length,
    logLoss: mean(all.map(({ logLoss }) => logLoss)),
    rps: mean(all.map(({ rps }) => rps)),
  }));
  return { versions: versions.sort((a, b) => b.matches - a.matches), unpredicted };
}

/** Prints the scores of what was said before the matches. */
export async function score(command: Command): Promise<Exit> {
  const { print, complain } = command;
  const frame = { help, options: { json: { type: 'boolean' } }, words: 1 } as const;
  return runCommand(command, frame, async ({ values, positionals }) => {
    const [file] = positionals;
    if (file === undefined) throw new Refusal('score takes one RESULTS.csv\n(see --help)');
    const { results, faults } = readResults(file, await knownTeams(command));
    for (const fault of faults) complain(fault);
    return await onStore(command, async (store) => {
      const { versions, unpredicted } = await scoreResults(store.history, results);
      if (values.json)
        print(JSON.stringify({ results: results.length, unpredicted, badLines: faults.length, versions }));
      else {
        print(`${results.length} results, ${unpredicted} of them not predicted before they began`);
        for (const { model, matches, logLoss, rps } of versions)
          print(
            `version ${model.version} (${model.digest.slice(0, 12)}, ratings as of ${model.ratingsAsOf})  n ${matches}  log-loss ${logLoss.toFixed(4)}  RPS ${rps.toFixed(4)}`,
          );
      }
      return versions.length === 0 || faults.length > 0 ? 1 : 0;
    });
  });
}
