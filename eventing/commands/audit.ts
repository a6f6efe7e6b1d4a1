import { type Command, type Exit, runCommand } from './command.ts';
import { onStore } from './operator.ts';
import { untakenMessages } from './untaken.ts';

const help = `npm run audit [-- --json]

Counts what the store knows of every request since it was made, and names the jobs that are neither open nor ended.

  STORE_URL       redis://…, rediss://… or sqlite:path (default: store.db in the folder of KICKOFF_STATE)
  KICKOFF_STATE   the folder that npm start keeps its state in (default .kickoff)
  AMQP_URL        RabbitMQ, to count in queue ml.dead too what nobody took (default: not counted)

Exit code: 0 everything is accounted for, 1 something is not, 2 wrong usage, or the store or RabbitMQ cannot be asked.`;

/** Prints the ledger's counts. 1 if a job is unaccounted for, or if they do not add up. */
export async function audit(command: Command): Promise<Exit> {
  const { print } = command;
  return runCommand(command, { help, options: { json: { type: 'boolean' } } }, ({ values }) => {
    return onStore(command, async (store) => {
      const { unaccounted, ...counts } = await store.audit();
      const missing = counts.accepted - counts.done - counts.failed - counts.open;
      const untaken = await untakenMessages(command);
      const known = { ...counts, ...(untaken === undefined ? {} : { untaken }) };
      const clean = unaccounted.length === 0 && missing === 0;
      if (values.json) print(JSON.stringify({ ...known, unaccounted, missing, clean }));
      else {
        const names = { ...known, unaccounted: unaccounted.length };
        for (const [name, count] of Object.entries(names)) print(`${label(name).padEnd(14)}${count}`);
        for (const id of unaccounted) print(`unaccounted for: ${id}`);
        if (missing !== 0)
          print(`accepted is not done + failed + open: ${missing} ${missing > 0 ? 'missing' : 'too many'}`);
      }
      return clean ? 0 : 1;
    });
  });
}

const label = (name: string): string => (name === 'deadLettered' ? 'dead-lettered' : name);
