import { type Exit, Failure, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { debian } from '../needs.ts';
import { type Fault, faults, randomFaults } from './faults.ts';
import { judge, type Verdict } from './judge.ts';
import { seeded } from './load.ts';
import { startSystem, type System } from './system.ts';
import { table } from './table.ts';

const all = [...faults, randomFaults];
const help = `npm run test:chaos -- [--seed N] [--faults a,b] [--rate N] [--json]

Strikes a real RabbitMQ, a real Redis and the local runtime under load, and judges whether every accepted request ended in one result.

  --seed N       of everything that is drawn at random, a whole number from 1 on (default 1)
  --faults a,b   only these (default all):
${all.map(({ name, what }) => `                 ${name.padEnd(20)}${what}`).join('\n')}
  --rate N       requests a second (default 25)
  --json         verdicts as JSON instead of a table

Exit code: 0 nothing was lost or stored twice, 1 something was, or it was stopped, 2 wrong usage or a server is missing.`;

const options = {
  seed: { type: 'string', default: '1' },
  faults: { type: 'string' },
  rate: { type: 'string', default: '25' },
  json: { type: 'boolean', default: false },
} as const;

function chosen(names: string | undefined): readonly Fault[] {
  if (names === undefined) return all;
  return names.split(',').map((name) => {
    const fault = all.find((one) => one.name === name);
    if (!fault) throw new Refusal(`unknown fault ${name}\n(see --help)`);
    return fault;
  });
}

function fromOne(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Refusal(`--${option} ${text}: must be a whole number from 1 on\n(see --help)`);
  return Number(text);
}

const command = ofProcess();
const code = await runCommand(command, { help, options }, async ({ values }): Promise<Exit> => {
  const struck = chosen(values.faults);
  const random = seeded(fromOne('seed', values.seed));
  const perSecond = fromOne('rate', values.rate);
  const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
  const redis = await debian('redis-server', 'redis-server');
  if ('missing' in rabbitmq) throw new Refusal(rabbitmq.missing);
  if ('missing' in redis) throw new Refusal(redis.missing);
  // The servers are in process groups of their own, which no signal of the terminal reaches: whatever ends this, ends them.
  const stopping = new AbortController();
  const stopped = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        stopping.abort(new Failure(`stopped by ${signal}`));
        reject(stopping.signal.reason as Failure);
      });
  });
  stopped.catch(() => undefined);
  const verdicts: Verdict[] = [];
  let system: System | undefined;
  try {
    system = await startSystem(rabbitmq.path, redis.path);
    for (const fault of struck) {
      const verdict = await Promise.race([stopped, judge(system, fault, { random, perSecond })]);
      verdicts.push(verdict);
      if (!verdict.good || process.stderr.isTTY)
        command.complain(`${verdict.good ? 'good' : 'BAD '} ${fault.name} ${JSON.stringify(verdict)}`);
    }
  } catch (error) {
    stopping.signal.throwIfAborted();
    if (system) command.complain(system.kickoff.output());
    throw error;
  } finally {
    await system?.close();
    command.print(values.json ? JSON.stringify(verdicts) : table(verdicts));
  }
  return verdicts.every(({ good }) => good) ? 0 : 1;
});
// A fault that was stopped still has its load.
process.exit(code);
