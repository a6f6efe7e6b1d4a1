import { send } from '../../functions/shared/http/client.ts';
import type { DeadLetter, Store } from '../../functions/shared/store/store.ts';
import { visible } from '../../functions/shared/visible.ts';
import { type Command, type Exit, Refusal, runCommand } from './command.ts';
import { onStore } from './operator.ts';

const help = `npm run dead-letters -- list [--json]
npm run dead-letters -- show ID [--json]
npm run dead-letters -- redrive ID|--all [--json]   post to the Broker again, then forget
npm run dead-letters -- discard ID|--all [--json]   forget

Of a letter that is "signed" the event in it is one of our own functions. Of any other nobody knows who made it up, its destination and code included.

  STORE_URL       redis://…, rediss://… or sqlite:path (default: store.db in the folder of KICKOFF_STATE)
  KICKOFF_STATE   the folder that npm start keeps its state in (default .kickoff)
  BROKER_URL      where redrive posts to (default http://127.0.0.1:8080/local/broker/, the local runtime's)

Exit code: 0 done, 1 there is no such letter, or the Broker did not take one, 2 wrong usage or the store cannot be asked.`;

const actions = ['list', 'show', 'redrive', 'discard'] as const;
type Action = (typeof actions)[number];
type Call = { action: Action; id: string | undefined; json: boolean; all: boolean };

const brokerDeadlineMs = 30_000;

function readCall(
  [word, id]: readonly string[],
  { all = false, json = false }: { all?: boolean; json?: boolean },
): Call {
  const action = actions.find((one) => one === word);
  if (!action) throw new Refusal(`the first word must be one of ${actions.join(', ')}\n(see --help)`);
  if (all && (action === 'list' || action === 'show'))
    throw new Refusal(`${action} takes no --all\n(see --help)`);
  if (action === 'list' ? id !== undefined : all === (id !== undefined))
    throw new Refusal(
      `${action} takes ${action === 'list' ? 'no ID' : action === 'show' ? 'an ID' : 'an ID or --all'}\n(see --help)`,
    );
  return { action, id, json, all };
}

/** Posts an event to the Broker as it was before its delivery failed; the reason why it was not taken, or undefined. */
async function redrive({ event, omitted }: DeadLetter, brokerUrl: string): Promise<string | undefined> {
  if (omitted !== undefined) return `its data, ${omitted} bytes, was too large to be kept`;
  const before = Object.entries(event).filter(([name]) => !name.startsWith('knativeerror'));
  try {
    const { status, body } = await send(
      brokerUrl,
      {
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(Object.fromEntries(before)),
      },
      brokerDeadlineMs,
    );
    return status === 202 ? undefined : `the Broker answered ${status} ${body.slice(0, 200)}`.trim();
  } catch (error) {
    return `the Broker at ${brokerUrl} cannot be reached: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function letters(store: Store, { id }: Call): Promise<DeadLetter[]> {
  if (id === undefined) return store.deadLetters.list();
  const letter = await store.deadLetters.find(id);
  return letter ? [letter] : [];
}

/** Lists, shows, posts again or forgets dead letters. */
export async function deadLetters(command: Command): Promise<Exit> {
  const options = { json: { type: 'boolean' }, all: { type: 'boolean' } } as const;
  return runCommand(command, { help, options, words: 2 }, ({ values, positionals }) => {
    const call = readCall(positionals, values);
    return onStore(command, (store, brokerUrl) => carryOut(call, store, brokerUrl, command));
  });
}

async function carryOut(
  call: Call,
  store: Store,
  brokerUrl: string,
  { print, complain }: Command,
): Promise<0 | 1> {
  const { action, id, json } = call;
  const found = await letters(store, call);
  if (id !== undefined && found.length === 0) {
    complain(`there is no dead letter ${id}`);
    return 1;
  }
  if (action === 'show') {
    for (const letter of found) print(JSON.stringify(letter, null, json ? 0 : 2));
    return 0;
  }
  if (action === 'list') {
    if (json) print(JSON.stringify(found));
    else if (found.length === 0) print('no dead letters');
    else
      for (const { id: one, time, destination, code, attempts, signed, event } of found)
        print(
          `${one}  ${time}  ${signed ? 'signed' : 'unsigned'}  ${visible(`${String(event['type'])} ${String(event['id'])} of ${String(event['source'])}`)}  ${visible(destination)}  code ${code}  attempts ${attempts}`,
        );
    return 0;
  }
  let exit: 0 | 1 = 0;
  for (const letter of found) {
    const fault = action === 'redrive' ? await redrive(letter, brokerUrl) : undefined;
    // Removed only after the Broker's 202: a stop in between posts it twice, and it is stored once.
    if (fault === undefined) await store.deadLetters.remove(letter.id);
    else exit = 1;
    if (json)
      print(JSON.stringify({ id: letter.id, [action]: fault === undefined, ...(fault ? { fault } : {}) }));
    else if (fault === undefined)
      print(`${letter.id}  ${action === 'redrive' ? 'posted again' : 'discarded'}`);
    else complain(`${letter.id}  kept: ${fault}`);
  }
  if (found.length === 0 && !json) print('no dead letters');
  return exit;
}
