import path from 'node:path';
import { audit } from '../../eventing/commands/audit.ts';
import { type Command, type Exit, ofProcess } from '../../eventing/commands/command.ts';
import { compare } from '../../eventing/commands/compare.ts';
import { deadLetters } from '../../eventing/commands/dead-letters.ts';
import { said } from '../../eventing/commands/said.ts';
import { score } from '../../eventing/commands/score.ts';
import { ClusterFault } from './cluster/kubectl.ts';
import { reach, type Reached } from './cluster/reach.ts';
import { secretValues } from './cluster/secret.ts';
import { readParams } from './yaml/params.ts';

/** The commands on a store, by their npm scripts. */
const commands: Readonly<Record<string, (command: Command) => Promise<Exit>>> = {
  audit,
  'dead-letters': deadLetters,
  compare,
  said,
  score,
};

const option = `
  --cluster       instead of these: the store, RabbitMQ and Broker of KUBECONFIG's cluster, by its Secrets and port-forwards

Exit code:`;

/** Runs the command that the first word names; with `--cluster` in the environment of an installation, as far as the command needs it. */
export async function onStoreOf(root: string, command: Command): Promise<Exit> {
  const [name = '', ...args] = command.args;
  const run = commands[name];
  if (!run) throw new Error(`${name} is none of ${Object.keys(commands).join(', ')}`);
  const own = { ...command, args: args.filter((arg) => arg !== '--cluster') };
  if (args.includes('--help') || args.includes('-h')) {
    return run({
      ...own,
      print: (text) => {
        command.print(text.replace('\n\nExit code:', option));
      },
    });
  }
  if (own.args.length === args.length) return run(own);
  const opened: Reached[] = [];
  try {
    const { namespace } = readParams(root);
    const env = await environment(namespace, name, own.args, opened);
    return await run({ ...own, env: { ...command.env, ...env } });
  } catch (error) {
    if (!(error instanceof ClusterFault)) throw error;
    command.complain(error.message);
    return 2;
  } finally {
    for (const one of opened) one.close();
  }
}

/** Reaches what a command asks. Whoever only reads dead letters needs no Broker. */
async function environment(
  namespace: string,
  name: string,
  [action]: readonly string[],
  opened: Reached[],
): Promise<Record<string, string>> {
  const open = async (address: string, port: number): Promise<string> => {
    const reached = await reach(address, port);
    opened.push(reached);
    return reached.url.href;
  };
  const address = async (secret: string): Promise<string> => {
    const url = (await secretValues(namespace, secret))?.['url'];
    if (url === undefined)
      throw new ClusterFault(
        `Secret ${namespace}/${secret} has no url: npm run doctor -- --cluster says what is missing`,
      );
    return url;
  };
  const env: Record<string, string> = { STORE_URL: await open(await address('store'), 6379) };
  if (name === 'audit') env['AMQP_URL'] = await open(await address('amqp'), 5672);
  if (name === 'dead-letters' && action === 'redrive')
    env['BROKER_URL'] = await open(`http://kickoff-broker-ingress.${namespace}.svc`, 80);
  return env;
}

if (import.meta.main)
  process.exitCode = await onStoreOf(path.resolve(import.meta.dirname, '../..'), ofProcess());
