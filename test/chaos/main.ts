import { parseArgs } from 'node:util';
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

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

function chosen(names: string | undefined): readonly Fault[] {
  if (names === undefined) return all;
  return names
    .split(',')
    .map((name) => all.find((fault) => fault.name === name) ?? refuse(`unknown fault ${name} (see --help)`));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      faults: { type: 'string' },
      rate: { type: 'string', default: '25' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const random = seeded(Number(values.seed));
  const rabbitmq = await debian('rabbitmq-server', 'rabbitmq-server');
  const redis = await debian('redis-server', 'redis-server');
  if ('missing' in rabbitmq) refuse(rabbitmq.missing);
  if ('missing' in redis) refuse(redis.missing);
  const system = await startSystem(rabbitmq.path, redis.path);
  const verdicts: Verdict[] = [];
  process.once('SIGINT', () => void system.close().then(() => process.exit(130)));
  try {
    for (const fault of chosen(values.faults)) {
      const verdict = await judge(system, fault, { random, perSecond: Number(values.rate) });
      verdicts.push(verdict);
      console.error(`${verdict.good ? 'good' : 'BAD '} ${fault.name} ${JSON.stringify(verdict)}`);
    }
  } catch (error) {
    console.error(system.kickoff.output());
    throw error;
  } finally {
    await system.close();
    console.log(values.json ? JSON.stringify(verdicts, undefined, 2) : table(verdicts));
  }
  process.exitCode = verdicts.every(({ good }) => good) ? 0 : 1;
}

await main();
