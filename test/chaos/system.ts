import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { audit } from '../../eventing/commands/audit.ts';
import * as v from 'valibot';
import { type Kickoff, startKickoff } from '../servers/kickoff.ts';
import { type Rabbit, startRabbit } from '../servers/rabbitmq.ts';
import { type Redis, startRedis } from '../servers/redis.ts';
import { type Cut, startCut } from './cut.ts';
import type { Chaos } from './preload.ts';

/** The text that ends the process of `predict` when it receives it. */
export const poison = 'Poison United';

const Counts = v.object({
  accepted: v.number(),
  done: v.number(),
  failed: v.number(),
  open: v.number(),
  deadLettered: v.number(),
  duplicates: v.number(),
  unaccounted: v.array(v.string()),
  clean: v.boolean(),
});
export type Counts = v.InferOutput<typeof Counts>;

/** Everything that a fault can strike: RabbitMQ and Redis with a proxy in front of each, and the runtime with its functions. */
export type System = {
  url: string;
  rabbit: Rabbit;
  redis: Redis;
  kickoff: Kickoff;
  /** Between RabbitMQ and everybody. */
  amqpCut: Cut;
  /** Between Redis and everybody. */
  storeCut: Cut;
  /** Sets the clocks of functions off by these milliseconds, from their next start on. */
  skew(skewMs: Record<string, number>): void;
  /** What `npm run audit` says, asked of Redis itself. */
  audit(): Promise<Counts>;
  close(): Promise<void>;
};

/** Starts all of it on free ports of loopback with data of its own. A tick comes every 2 s instead of every 5 minutes. */
export async function startSystem(rabbitmqServer: string, redisServer: string): Promise<System> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-chaos-'));
  const closing: (() => unknown)[] = [
    () => {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  ];
  async function close(): Promise<void> {
    for (const end of closing.splice(0).reverse()) await end();
  }
  function skew(skewMs: Record<string, number>): void {
    const chaos: Chaos = { skewMs, poison: { function: 'predict', text: poison } };
    writeFileSync(path.join(folder, 'chaos.json'), JSON.stringify(chaos));
  }
  try {
    const rabbit = await startRabbit(rabbitmqServer);
    closing.push(() => rabbit.remove());
    const redis = await startRedis(redisServer, { appendonly: true });
    closing.push(() => redis.remove());
    const amqpCut = await startCut(Number(new URL(rabbit.url).port));
    closing.push(() => amqpCut.close());
    const storeCut = await startCut(Number(new URL(redis.url).port));
    closing.push(() => storeCut.close());
    const through = (url: string, { port }: Cut): string => Object.assign(new URL(url), { port }).href;
    skew({});
    const kickoff = await startKickoff(path.join(folder, 'state'), {
      AMQP_URL: through(rabbit.url, amqpCut),
      STORE_URL: through(redis.url, storeCut),
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'preload.ts')}`,
      NODE_CHAOS: path.join(folder, 'chaos.json'),
      LOG_LEVEL: 'warn',
    });
    closing.push(() => kickoff.stop());
    const ticks = setInterval(() => void tick(kickoff.url), 2000);
    closing.push(() => {
      clearInterval(ticks);
    });
    return {
      ...{ url: kickoff.url, rabbit, redis, kickoff, amqpCut, storeCut, skew, close },
      async audit() {
        const printed: string[] = [];
        const print = (line: string): void => void printed.push(line);
        const env = { STORE_URL: redis.url };
        const code = await audit({ args: ['--json'], env, print, complain: print });
        if (code === 2) throw new Error(printed.join('\n'));
        return v.parse(Counts, JSON.parse(printed.join('\n')));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The event of the PingSource in `eventing/ping.yaml`, handed to the Broker; it may be down. */
export async function tick(url: string): Promise<void> {
  await fetch(`${url}/local/broker/`, {
    method: 'POST',
    headers: {
      'ce-specversion': '1.0',
      'ce-id': crypto.randomUUID(),
      'ce-type': 'dev.knative.sources.ping',
      'ce-source': '/chaos/tick',
      'ce-time': new Date().toISOString(),
    },
    signal: AbortSignal.timeout(5000),
  }).then(
    (response) => response.body?.cancel(),
    () => undefined,
  );
}
