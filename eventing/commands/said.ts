import type { Said } from '../../functions/shared/store/history.ts';
import { type Command, type Exit, Refusal, runCommand } from './command.ts';
import { knownTeams } from './scoring/known-teams.ts';
import { onStore } from './operator.ts';

const help = `npm run said -- HOME AWAY [--json]

Shows what each version of the model said of a match at this ground, and when it said so first.

  STORE_URL             redis://…, rediss://… or sqlite:path (default: store.db in the folder of KICKOFF_STATE)
  KICKOFF_STATE         the folder that npm start keeps its state in (default .kickoff)
  MLFLOW_TRACKING_URI   where the model's team names come from (default: the shipped registry), with MODEL_URI

Exit code: 0 shown, 1 nothing was said of it, 2 wrong usage, an unknown team, or the store cannot be asked.`;

function line({ made, model, league, forecast: { probabilities: p, expectedGoals: g } }: Said): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    new Date(made).toISOString(),
    `version ${model.version} (${model.digest.slice(0, 12)}, ratings as of ${model.ratingsAsOf})`,
    league,
    `home ${percent(p.home)}, draw ${percent(p.draw)}, away ${percent(p.away)}`,
    `expected goals ${g.home.toFixed(2)} to ${g.away.toFixed(2)}`,
  ].join('  ');
}

/** Prints what was said of one match, oldest first. */
export async function said(command: Command): Promise<Exit> {
  const { print } = command;
  const frame = { help, options: { json: { type: 'boolean' } }, words: 2 } as const;
  return runCommand(command, frame, async ({ values, positionals }) => {
    const [home, away] = positionals;
    if (home === undefined || away === undefined)
      throw new Refusal('said takes HOME and AWAY, each in quotes where it has a space\n(see --help)');
    const found = (await knownTeams(command)).resolve({ home, away });
    if ('fault' in found) throw new Refusal(`${found.fault.field}: ${found.fault.reason}`);
    const { fixture } = found;
    return await onStore(command, async (store) => {
      const all = await store.history.of(fixture.home, fixture.away);
      if (values.json) print(JSON.stringify(all));
      else if (all.length === 0) print(`nothing was said of ${fixture.home} - ${fixture.away}`);
      else for (const one of all) print(line(one));
      return all.length === 0 ? 1 : 0;
    });
  });
}
