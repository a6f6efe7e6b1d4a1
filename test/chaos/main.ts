import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/command.ts';
import { debian } from '../needs.ts';
import { type Fault, faults, randomFaults } from './faults.ts';
import { judge, type Verdict } from './judge.ts';
import { seeded } from './load.ts';
import { startSystem } from './system.ts';
import { table } from './table.ts';

const all = [...faults, randomFaults];
const help = `npm run test:chaos -- [--seed N] [--faults a,b] [--rate N] [--json]

Strikes a real RabbitMQ, a real Redis and the local runtime under load, and judges whether every accepted request ended in one result.

  --seed N       of everything that is drawn at random (default 1)
  --faults a,b   only these (default all):
${all.map(({ name, what }) => `                 ${name.padEnd(20)}${what}`).join('\n')}
  --rate N       requests a second (default 25)
  --json         verdicts as JSON instead of a table

Exit code: 0 nothing was lost or stored twice, 1 something was, 2 wrong usage or a server is missing.`;

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

const command = ofProcess();
process.exitCode = await runCommand(command, { help, options }, async ({ values }): Promise<Exit> => {
  const struck = chosen(values.faults);
  const random = seeded(Number(values.seed));
  const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
  const redis = await debian('redis-server', 'redis-server');
  if ('missing' in rabbitmq) throw new Refusal(rabbitmq.missing);
  if ('missing' in redis) throw new Refusal(redis.missing);
  const system = await startSystem(rabbitmq.path, redis.path);
  const verdicts: Verdict[] = [];
  process.once('SIGINT', () => void system.close().then(() => process.exit(130)));
  try {
    for (const fault of struck) {
      const verdict = await judge(system, fault, { random, perSecond: Number(values.rate) });
      verdicts.push(verdict);
      if (!verdict.good || process.stderr.isTTY)
        command.complain(`${verdict.good ? 'good' : 'BAD '} ${fault.name} ${JSON.stringify(verdict)}`);
    }
  } catch (error) {
    command.complain(system.kickoff.output());
    throw error;
  } finally {
    await system.close();
    command.print(values.json ? JSON.stringify(verdicts) : table(verdicts));
  }
  return verdicts.every(({ good }) => good) ? 0 : 1;
});
