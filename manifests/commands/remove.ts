import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { ClusterFault, kubectl } from './cluster/kubectl.ts';
import { takeDown } from './remove/removal.ts';
import { survey, type Installation, type Survey } from './remove/survey.ts';
import { installation, title } from './yaml/bundle.ts';
import { readParams } from './yaml/params.ts';

const help = `npm run remove [-- --keep-data | --delete-data]

Takes the installation of manifests/params/params.yaml down, in the order in which nothing hangs. May be run again, also after half of it, and after
the namespace was deleted by hand. Without an option it asks about the data before it deletes anything.

  --keep-data     leave the namespace with its volumes and Secrets: another installation goes on with them
  --delete-data   delete them too: the ledger of requests, the models, the messages, the passwords

Exit code: 0 removed, 1 something is left, or the cluster cannot be asked, 2 wrong usage, or nobody said what becomes of the data.`;

/** What becomes of the data. */
export type Choice = 'keep' | 'delete';

/** Looks, decides by `choose`, and takes down. Throws `ClusterFault`, and what `choose` throws, before anything is deleted. */
export async function remove(
  from: Installation,
  choose: (found: Survey) => Promise<Choice>,
  say: (line: string) => void,
  down = takeDown,
): Promise<void> {
  const { namespace } = from;
  const found = await survey(from);
  if (found.phase !== 'Terminating' && found.ours.length === 0) {
    say(
      `nothing of Kickoff is in namespace ${namespace}${found.phase === undefined ? ', which does not exist' : ', which stays'}`,
    );
    await down(from, true, say);
    return;
  }
  const choice = await choose(found);
  if (choice === 'keep' && found.phase === 'Terminating')
    throw new ClusterFault(
      `namespace ${namespace} is being deleted already, and its data with it: only --delete-data is left`,
    );
  if (choice === 'delete' && found.phase === 'Active' && found.others.length > 0)
    throw new ClusterFault(
      `namespace ${namespace} also holds ${found.others.map(title).join(', ')}, which would go with it. Delete or move them first, or use --keep-data, which leaves the namespace. Nothing was removed`,
    );
  await down(from, choice === 'keep', say);
  say(
    choice === 'keep'
      ? `removed; in namespace ${namespace} stay ${claimsOf(found)} and the Secrets`
      : `removed, with namespace ${namespace} and its data`,
  );
  say(
    "left as they are, since they are the cluster's: ConfigMaps config-autoscaler and config-domain of knative-serving, Service kourier of kourier-system, the platform's requests",
  );
}

const claimsOf = ({ claims }: Survey): string =>
  claims.length === 0 ? 'no volume' : `the volumes ${claims.map(({ metadata }) => metadata.name).join(', ')}`;

/** Asks on the terminal. Anything but the two words stops; so do Ctrl-C and the end of the input. */
async function ask(namespace: string, found: Survey): Promise<Choice> {
  const context = (await kubectl(['config', 'current-context'])).trim();
  const question = `This takes Kickoff down: namespace ${namespace} of context ${context}, ${found.ours.length} objects.
Its data: ${claimsOf(found)} (requests and outcomes, models, messages), and the Secrets.
Type delete or keep for the data, anything else to stop: `;
  const ended = new AbortController();
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.once('close', () => {
    ended.abort();
  });
  const answer = await terminal.question(question, { signal: ended.signal }).catch(() => '');
  terminal.close();
  const word = answer.trim().toLowerCase();
  if (word === 'keep' || word === 'delete') return word;
  throw new Refusal('stopped: nothing was removed');
}

if (import.meta.main) {
  const command = ofProcess();
  const options = { 'keep-data': { type: 'boolean' }, 'delete-data': { type: 'boolean' } } as const;
  process.exitCode = await runCommand(command, { help, options }, async ({ values }): Promise<Exit> => {
    const { 'keep-data': keep = false, 'delete-data': drop = false } = values;
    if (keep && drop) throw new Refusal('--keep-data or --delete-data, not both\n(see --help)');
    if (!keep && !drop && !(process.stdin.isTTY && process.stdout.isTTY))
      throw new Refusal('there is no terminal to ask on: say --keep-data or --delete-data\n(see --help)');
    const root = path.resolve(import.meta.dirname, '../..');
    const { namespace, host } = readParams(root);
    const documents = ['single-node', 'own-rabbitmq', 'ha'].flatMap((overlay) => installation(root, overlay));
    const choose = async (found: Survey): Promise<Choice> =>
      keep ? 'keep' : drop ? 'delete' : ask(namespace, found);
    await remove({ namespace, host, documents }, choose, command.print);
    return 0;
  });
}
