import { Redis } from 'ioredis';
import { openStore } from '../../functions/shared/store/open.ts';
import { type Exit, Failure, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { done, model, uuid } from '../functions/shared/store/fixtures.ts';
import { until } from '../until.ts';
import { running } from './parts.ts';
import { memoryMiB } from './processes.ts';
import { kickoff, systems } from './systems.ts';
import { inAll, measure, type Window } from './window.ts';

const help = `node test/bench/growth.ts [--results N] [--minutes M]

What time and memory do as Kickoff grows old, on real RabbitMQ and Redis: the same loads before and after N results are stored, then memory
over M minutes of a steady load (300 misses/s). Markdown.

  --results N   default 1000000, some 5 minutes
  --minutes M   default 10

Exit code: 0 measured, 1 RabbitMQ or Redis is not here, 2 wrong usage.`;

const perEvent = 1000;

function whole(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 0))
    throw new Refusal(`--${option} ${text}: must be a whole number\n(see --help)`);
  return value;
}

/** Stores results as cache-write does, of requests that producers made; each of a fixture of its own. */
async function seed(url: string, results: number): Promise<void> {
  const store = await openStore(url);
  for (let first = 0; first < results; first += perEvent) {
    const outcomes = Array.from({ length: Math.min(perEvent, results - first) }, (_, n) =>
      done({ id: uuid(first + n), home: `home ${first + n}`, away: 'away' }),
    );
    await store.complete({ model, outcomes, now: Date.now() });
  }
  await store.close();
}

const command = ofProcess();
const frame = {
  help,
  options: { results: { type: 'string', default: '1000000' }, minutes: { type: 'string', default: '10' } },
} as const;
process.exitCode = await runCommand(command, frame, async ({ values }): Promise<Exit> => {
  const [results, minutes] = [whole('results', values.results), whole('minutes', values.minutes)];
  const missing = await systems['kickoff']?.missing();
  if (missing !== undefined) throw new Failure(missing);
  let storeUrl = '';
  const system = await running(
    async (parts) => {
      storeUrl = await parts.redis();
      return kickoff(parts, { AMQP_URL: await parts.rabbitmq(), STORE_URL: storeUrl });
    },
    { home: 'Arsenal', away: 'Chelsea' },
  );
  const redis = new Redis(storeUrl);
  let first = 0;
  async function load(label: string, options: object): Promise<Window> {
    // Pairs of teams run out: what was asked for long ago is forgotten, or it would be a hit.
    if (first > 50_000) {
      const cached = await redis.keys('kickoff:answers:*');
      if (cached.length > 0) await redis.unlink(cached);
      first = 0;
    }
    const window = await measure(system, {
      label,
      options: { protocol: 'teams', seconds: 8, first, ...options },
    });
    first += window.used;
    return window;
  }
  const redisMiB = (): number => memoryMiB(system.parts().get('redis') ?? []);
  const row = (cells: (string | number)[]): void => {
    command.print(`| ${cells.join(' | ')} |`);
  };
  try {
    await load('warm up', { c: 64 });
    command.print(
      '| stored before | clients | predictions/s | p50 ms | p99 ms | CPU-s per 1000 | foreign cores |',
    );
    row(Array.from({ length: 7 }, () => '---'));
    const loads = async (stored: number): Promise<void> => {
      for (const c of [1, 64]) {
        const window = await load(`${c} clients`, { c });
        const { perSecond, p50, p99, foreign } = window;
        const cpu = inAll(window, 'cpuPer1000');
        row([stored, c, perSecond.toFixed(0), p50, p99, cpu.toFixed(2), foreign.toFixed(2)]);
      }
    };
    await loads(0);
    const before = redisMiB();
    await seed(storeUrl, results);
    // It rewrites a file that has grown so much, by a process of its own, once: that belongs to the million, not to what comes after.
    await until(async () => (await redis.info('persistence')).includes('aof_rewrite_in_progress:0'), {
      deadline: 120_000,
      what: 'Redis has rewritten its file',
    });
    const bytes = ((redisMiB() - before) * 2 ** 20) / results;
    await loads(results);
    command.print(
      `\nRedis takes ${bytes.toFixed(0)} bytes for a stored result, with its cache entry and id.`,
    );
    if (minutes === 0) return 0;
    const names = ['runtime', 'ingress', 'predict', 'cache-write'];
    command.print('\nMiB (PSS) at 300 misses/s, after each minute:\n');
    row(['minute', ...names]);
    row(['minute', ...names].map(() => '---'));
    for (let minute = 1; minute <= minutes; minute++) {
      const { parts } = await load('steady', { mode: 'open', rate: 300, seconds: 60 });
      row([minute, ...names.map((name) => parts.get(name)?.memory ?? 0)]);
    }
    return 0;
  } finally {
    redis.disconnect();
    await system.stop();
  }
});
