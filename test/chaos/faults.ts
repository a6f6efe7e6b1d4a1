import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { Cut } from './cut.ts';
import { sendCopies, sendPoison } from './events.ts';
import type { System } from './system.ts';

/** Strikes and heals: resolves when all is as before. Names the requests that it sent itself and that were accepted. */
type Strike = (system: System, random: () => number, promised: (id: string) => void) => Promise<unknown>;

export type Fault = {
  name: string;
  what: string;
  strike: Strike;
  /** The ledger is lost with its ids: what was promised before is not judged. */
  ledgerLost?: true;
  /** Who waits is answered by predict without a store meanwhile: such an answer is not kept. */
  storeAway?: true;
  /** So many requests end as failed; all others end as done. */
  failed?: number;
  /** Seconds that everything may need to end afterwards. */
  settleSeconds?: number;
  /** Too long to be drawn at random. */
  long?: true;
};

const hour = 3_600_000;

async function signal({ kickoff }: System, name: string, what: NodeJS.Signals): Promise<number[]> {
  const pids = kickoff.pids(name);
  if (pids.length === 0) throw new Error(`there is no process of ${name} to strike`);
  for (const pid of pids) process.kill(pid, what);
  return pids;
}

function freeze(ms: number): Strike {
  return async (system) => {
    const pids = await signal(system, 'predict', 'SIGSTOP');
    await wait(ms);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // the runtime has ended it meanwhile
      }
    }
  };
}

function whileCut(of: (system: System) => Cut, how: 'cut' | 'stall', ms: number): Strike {
  return async (system) => {
    of(system)[how]();
    await wait(ms);
    of(system).restore();
  };
}

function severed(of: (system: System) => Cut): Strike {
  return async (system, random) => {
    for (let n = 0; n < 6; n++) {
      of(system).sever(() => random() < 0.5);
      await wait(500);
    }
  };
}

function skewed(name: string, skewMs: number): Fault {
  const sign = skewMs > 0 ? '+' : '-';
  return {
    name: `skew-${name}${sign}1h`,
    what: `clock of ${name} ${sign}1 h for 12 s`,
    async strike(system) {
      system.skew({ [name]: skewMs });
      await signal(system, name, 'SIGKILL');
      // Longer than 10 s: what ends sooner after its start waits longer for the next one.
      await wait(12_000);
      system.skew({});
      await signal(system, name, 'SIGKILL');
    },
  };
}

async function redis({ redis: server }: System, ...command: string[]): Promise<void> {
  const client = new Redis(server.url);
  try {
    const [name = '', ...args] = command;
    await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

const amqp = (system: System): Cut => system.amqpCut;
const store = (system: System): Cut => system.storeCut;

/** The faults, in the order in which they strike. */
export const faults: readonly Fault[] = [
  ...['ingress', 'predict', 'cache-write'].map((name): Fault => ({
    name: `kill-${name}`,
    what: `kill -9 of ${name}`,
    strike: (system) => signal(system, name, 'SIGKILL'),
  })),
  {
    name: 'kill-runtime',
    what: 'kill -9 of the runtime, started again',
    async strike({ kickoff }) {
      await kickoff.kill('SIGKILL');
      await kickoff.start();
    },
  },
  {
    name: 'kill-rabbitmq',
    what: 'kill -9 of RabbitMQ, started again',
    async strike({ rabbit }) {
      await rabbit.kill9();
      await rabbit.start();
    },
  },
  {
    name: 'kill-redis',
    what: 'kill -9 of Redis, started again',
    async strike({ redis: server }) {
      await server.kill9();
      await server.start();
    },
    storeAway: true,
  },
  { name: 'restart-rabbitmq', what: 'polite restart of RabbitMQ', strike: ({ rabbit }) => rabbit.restart() },
  {
    name: 'restart-redis',
    what: 'polite restart of Redis',
    strike: ({ redis: server }) => server.restart(),
    storeAway: true,
  },
  { name: 'cut-rabbitmq', what: 'no connection to RabbitMQ for 3 s', strike: whileCut(amqp, 'cut', 3000) },
  {
    name: 'cut-redis',
    what: 'no connection to Redis for 3 s',
    strike: whileCut(store, 'cut', 3000),
    storeAway: true,
  },
  {
    name: 'stall-rabbitmq',
    what: 'connections to RabbitMQ stall for 8 s',
    strike: whileCut(amqp, 'stall', 8000),
  },
  {
    name: 'stall-redis',
    what: 'connections to Redis stall for 8 s',
    strike: whileCut(store, 'stall', 8000),
    storeAway: true,
  },
  {
    name: 'sever-rabbitmq',
    what: 'half of the connections to RabbitMQ reset, 6 times in 3 s',
    strike: severed(amqp),
  },
  {
    name: 'sever-redis',
    what: 'half of the connections to Redis reset, 6 times in 3 s',
    strike: severed(store),
    storeAway: true,
  },
  { name: 'slow-predict', what: 'predict frozen for 3 s', strike: freeze(3000) },
  {
    name: 'hanging-predict',
    what: 'predict frozen for 35 s, longer than its Trigger waits',
    strike: freeze(35_000),
    long: true,
  },
  {
    name: 'copies',
    what: '5 copies of 30 events at the same moment, to the API and to the Broker',
    strike: (system, random, promised) => sendCopies(system, 30, { random, promised }),
  },
  {
    name: 'full-queue',
    what: 'a full queue in the place of ml for 5 s (reject-publish)',
    async strike({ rabbit }) {
      const connection = await connect(rabbit.url);
      try {
        const channel = await connection.createChannel();
        // Its own consumer keeps ml from ever being full. One message fits into this one, and stays there.
        const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
        await channel.assertQueue('full', { durable: true, arguments: full });
        await channel.bindQueue('full', 'kickoff', 'ml');
        await channel.unbindQueue('ml', 'kickoff', 'ml');
        await wait(5000);
        await channel.bindQueue('ml', 'kickoff', 'ml');
        await channel.deleteQueue('full');
      } finally {
        await connection.close();
      }
    },
  },
  {
    name: 'memory-alarm',
    what: 'memory alarm of RabbitMQ for 5 s: publishers are blocked',
    async strike({ rabbit }) {
      await rabbit.ctl('set_vm_memory_high_watermark', '0.0001');
      await wait(5000);
      await rabbit.ctl('set_vm_memory_high_watermark', 'absolute', '512MB');
    },
  },
  {
    name: 'read-only-redis',
    what: 'Redis takes no writes for 5 s (as a replica)',
    async strike(system) {
      // Of a primary that does not exist: it keeps its data and answers reads.
      await redis(system, 'REPLICAOF', '127.0.0.1', '1');
      await wait(5000);
      await redis(system, 'REPLICAOF', 'NO', 'ONE');
    },
    storeAway: true,
  },
  {
    name: 'emptied-redis',
    what: 'Redis emptied (FLUSHALL): the ledger itself is gone',
    strike: (system) => redis(system, 'FLUSHALL'),
    ledgerLost: true,
    storeAway: true,
  },
  skewed('ingress', hour),
  skewed('ingress', -hour),
  skewed('predict', hour),
  skewed('cache-write', hour),
  skewed('cache-write', -hour),
  {
    name: 'dead-letter-sink',
    what: 'Redis down for 75 s with events on their way: retries and dead letters run out',
    async strike(system) {
      const { redis: server, kickoff } = system;
      // Without it hardly an event is on its way when Redis goes, and none is accepted afterwards.
      const pids = await signal(system, 'cache-write', 'SIGSTOP');
      await wait(2000);
      await server.kill9();
      for (const pid of pids) process.kill(pid, 'SIGCONT');
      await wait(75_000);
      await server.start();
      if (!/is lost: .* from the dead-letter sink/.test(kickoff.output()))
        throw new Error('no dead letter was lost: the fault did not strike');
    },
    storeAway: true,
    settleSeconds: 300,
    long: true,
  },
  {
    name: 'poison',
    what: 'an event that ends every process of predict that gets it',
    strike: sendPoison,
    failed: 1,
    settleSeconds: 900,
    long: true,
  },
];

/** Eight of the short faults, one after the other with pauses of up to 2 s; the seed decides which. */
export const randomFaults: Fault = {
  name: 'random',
  what: 'eight faults at random',
  async strike(system, random, promised) {
    const short = faults.filter(({ long, ledgerLost }) => !long && !ledgerLost);
    for (let n = 0; n < 8; n++) {
      const fault = short[Math.floor(random() * short.length)];
      await fault?.strike(system, random, promised);
      await wait(random() * 2000);
    }
  },
  storeAway: true,
  settleSeconds: 300,
};
