import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../../../../functions/shared/store/open.ts';
import { bounds } from '../../../../../functions/shared/store/redis/bounds.ts';
import type { Job, LedgerOutcome, Store } from '../../../../../functions/shared/store/store.ts';
import { debian } from '../../../../needs.ts';
import { startRedis } from '../../../../servers/redis.ts';
import { digest, done, list, model, outcomesOf, single, uuid } from '../fixtures.ts';

const need = await debian('redis-server', 'redis-server');
const many = 1000;
const now = Date.now();

/** What a script may take, in times of a loop of 10⁶ in Lua: that takes 8 ms on one quiet core of this project's machine, so this is 32 ms there. */
const most = 4;
/** The commands that a script may call for one of the requests that it is given. Each costs some microseconds. */
const commandsEach = 3;
/** MiB that Lua may keep. It does not count in `maxmemory`. */
const luaMiB = 16;

/**
 * What the scripts of the Redis store cost, beside a loop in the same Redis in the same minute: a slow machine slows down both. It is CPU time of the
 * thread that runs scripts, so other work of the machine does not count. The least of three times is judged.
 */
describe.skipIf('missing' in need)('no script of the Redis store holds up Redis', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let admin: Redis;
  let store: Store;

  beforeAll(async () => {
    server = await startRedis('path' in need ? need.path : '', { appendonly: true });
    admin = new Redis(server.url);
    store = await openStore(server.url);
  });
  afterAll(async () => {
    await store.close();
    admin.disconnect();
    await server.remove();
  });

  const sumOf = (text: string, pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((sum, [, number]) => sum + Number(number), 0);
  const cpu = async (): Promise<number> =>
    sumOf(await admin.info('cpu'), /used_cpu_(?:sys|user)_main_thread:(\S+)/g);

  /** The seconds of CPU of `work`, the scripts in it, and the commands that they called. */
  async function costOf<T>(work: () => Promise<T>) {
    await admin.config('RESETSTAT');
    const before = await cpu();
    const result = await work();
    const took = (await cpu()) - before;
    const stats = await admin.info('commandstats');
    const scripts = sumOf(stats, /cmdstat_eval(?:sha)?:calls=(\d+)/g);
    const all = sumOf(stats, /cmdstat_\S+?:calls=(\d+)/g);
    return {
      result,
      took,
      scripts,
      commands: all - scripts - sumOf(stats, /cmdstat_(?:info|config)\S*:calls=(\d+)/g),
    };
  }

  type Measured = <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** Does the work three times, each on an empty store, and judges what it measures. */
  async function judge(work: (measured: Measured) => Promise<void>): Promise<void> {
    const least = new Map<string, number>();
    let unit = Infinity;
    for (let n = 0; n < 3; n++) {
      await admin.flushall();
      const worst = new Map<string, number>();
      const loop = await costOf(() => admin.eval('local x = 0 for i = 1, 1000000 do x = x + 1 end', 0));
      unit = Math.min(unit, loop.took);
      await work(async (name, step) => {
        const { result, took, scripts, commands } = await costOf(step);
        worst.set(name, Math.max(took / scripts, worst.get(name) ?? 0));
        expect(commands, name).toBeLessThan(scripts * (commandsEach * many + 100));
        return result;
      });
      for (const [name, took] of worst) least.set(name, Math.min(took, least.get(name) ?? Infinity));
    }
    for (const [name, took] of least) expect(took / unit, name).toBeLessThan(most);
    expect(sumOf(await admin.info('memory'), /used_memory_vm_eval:(\d+)/g) / 2 ** 20).toBeLessThan(luaMiB);
  }

  const homes = Array.from({ length: many }, (_, n) => `Team ${n}`);
  const accept = (jobs: readonly Job[], together = false) => store.accept(jobs, { digest, now, together });
  const complete = (outcomes: readonly LedgerOutcome[]) =>
    store.complete({ model, outcomes, replyTo: 'r', now });
  const sweep = (at: number) => store.overdue({ now: at, limit: many });

  test('whose list has 1000 matches', async () => {
    const long = list(uuid(1), homes);
    const outcomes = outcomesOf(long);
    const predictions = outcomes.flatMap((one) => (one.status === 'done' ? [one.prediction] : []));
    await judge(async (measured) => {
      await measured('accept it', () => accept([long]));
      await measured('accept it again', () => accept([long]));
      await measured('accept another one like it', () => accept([list(uuid(2), homes)]));
      await measured('find it while it is open', () => store.find(uuid(1)));
      await measured('complete both', () => complete(outcomes));
      await measured('complete them again', () => complete(outcomes));
      await measured('find it', () => store.find(uuid(1)));
      await measured('accept one that is cached', () => accept([list(uuid(3), homes, { keep: true })]));
      await measured('keep what was said', () => store.history.add({ model, predictions, now }));
    });
    expect(await store.audit()).toMatchObject({
      accepted: 3 * many,
      done: 3 * many,
      open: 0,
      unaccounted: [],
    });
  });

  test('which is given 1000 jobs', async () => {
    const singles = homes.map((home, n) => single(uuid(n), home));
    const others = homes.map((home, n) => single(uuid(many + n), `${home} B`));
    await judge(async (measured) => {
      await measured('accept them', () => accept(singles, true));
      await measured('sweep them', () => sweep(now + 15_000));
      await measured('complete them', () => complete(singles.flatMap(outcomesOf)));
      await measured('complete them again', () => complete(singles.flatMap(outcomesOf)));
      await accept(others);
      let at = now;
      for (const wait of [15, 30, 60, 120, 240]) await sweep((at += wait * 1000));
      await measured('give others up', () => sweep(at + 240_000));
    });
    expect(await store.audit()).toMatchObject({ accepted: 2 * many, done: many, failed: many, open: 0 });
  });

  test('which 30 callers ask the same 1000 matches at once: each is answered', async () => {
    const lists = Array.from({ length: 30 }, (_, n) => list(uuid(n), homes));
    let published = 0;
    await judge(async (measured) => {
      const led: LedgerOutcome[][] = [];
      for (const one of lists) {
        const [accepted] = await measured('accept one', () => accept([one]));
        const outcomes = outcomesOf(one);
        const own = accepted?.publish.flatMap((place) => outcomes[place] ?? []) ?? [];
        if (own.length > 0) led.push(own);
      }
      published = led.flat().length;
      for (const own of led)
        expect(await measured('complete one', () => complete(own))).toMatchObject({ stored: own.length });
    });
    // Single flight: most of them join others.
    expect(published).toBeLessThan(0.5 * lists.length * many);
    const done = lists.length * many;
    expect(await store.audit()).toMatchObject({
      accepted: done,
      done,
      open: 0,
      duplicates: 0,
      unaccounted: [],
    });
  });

  test('whose outcomes are of many long lists, given or joined', async () => {
    const cached = homes.slice(1);
    const known = cached.map((home, n) => done({ id: uuid(n), home, away: 'Chelsea' }));
    const lists = Array.from({ length: 25 }, (_, n) => list(uuid(2000 + n), [`Own ${n}`, ...cached]));
    const joined = lists.map((_, n) => list(uuid(3000 + n), ['Arsenal', ...cached]));
    const leader = single(uuid(5000));
    const first = lists.map((one, n) => done({ id: `${one.id}.0`, home: `Own ${n}`, away: 'Chelsea' }));
    await judge(async (measured) => {
      await complete(known);
      for (const one of [leader, ...lists, ...joined]) await measured('accept one', () => accept([one]));
      await measured('complete those that are given', () => complete(first));
      await measured('complete those again', () => complete(first));
      await measured('complete those that joined', () => complete(outcomesOf(leader)));
      await measured('audit', () => store.audit());
    });
    for (const one of [...lists, ...joined]) expect((await store.find(one.id)).status).toBe('done');
    const recordBytes = many * JSON.stringify(known[0]).length;
    expect(lists.length * recordBytes).toBeGreaterThan(10 * bounds.room);
    expect(await store.audit()).toMatchObject({ open: 0, duplicates: first.length, unaccounted: [] });
  });
});
