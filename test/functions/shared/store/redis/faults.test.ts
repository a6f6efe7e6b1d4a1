import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fixtureText } from '../../../../../functions/shared/prediction.ts';
import { openStore } from '../../../../../functions/shared/store/open.ts';
import { type Settled, type Store, StoreUnavailable } from '../../../../../functions/shared/store/store.ts';
import { shortId } from '../../../../../functions/shared/store/rules.ts';
import { debian } from '../../../../needs.ts';
import { startRedis } from '../../../../servers/redis.ts';
import { until } from '../../../../until.ts';
import { digest, doneText, failed, model, outcomesOf, single, uuid } from '../fixtures.ts';

const need = await debian('redis-server', 'redis-server');

describe.skipIf('missing' in need)('the Redis store, when Redis', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let admin: Redis;
  let store: Store;
  const now = Date.now();
  const accept = (n: number) => store.accept([single(uuid(n), 'Arsenal', { replyTo: 'r' })], { digest, now });
  const arsenal = { home: 'Arsenal', away: 'Chelsea', league: 'E0' };
  const failing = async (work: () => Promise<unknown>): Promise<StoreUnavailable> => {
    const error: unknown = await work().catch((thrown: unknown) => thrown);
    if (!(error instanceof StoreUnavailable)) throw new Error(`not StoreUnavailable: ${String(error)}`);
    return error;
  };
  const works = async (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );

  beforeEach(async () => {
    const path = 'path' in need ? need.path : '';
    server = await startRedis(path, { appendonly: true, flags: ['--appendfsync', 'always'] });
    admin = new Redis(server.url);
    admin.on('error', () => undefined);
    store = await openStore(server.url);
  });
  afterEach(async () => {
    await store.close();
    admin.disconnect();
    await server.remove();
  });

  test('is not there: opens all the same, fails at once with the cause, and works once it is there', async () => {
    await server.stop();
    const early = await openStore(server.url);
    for (const work of [
      () => early.ping(),
      () => early.find(uuid(1)),
      () => early.audit(),
      () => early.accept([single(uuid(1))], { digest, now }),
      () => early.complete({ model, outcomes: [failed(uuid(1))], now }),
      () => early.claim('key', { id: uuid(1), fingerprint: 'f' }),
      () => early.overdue({ now, limit: 1 }),
      () => early.deadLetters.list(),
    ]) {
      const before = performance.now();
      expect((await failing(work)).message).toMatch(/does not take the work: .*ECONNREFUSED/);
      expect(performance.now() - before).toBeLessThan(500);
    }
    const heard: Settled[] = [];
    await failing(() => early.listen('r', (settled) => heard.push(...settled)));
    await server.start();
    await until(
      () =>
        early.ping().then(
          () => true,
          () => false,
        ),
      { deadline: 5000 },
    );
    await early.listen('r', (settled) => heard.push(...settled));
    await early.complete({ model, outcomes: [failed(uuid(1))], replyTo: 'r', now });
    await until(() => heard.length === 1);
    await early.close();
  });

  test('wants another password: fails with its words, and not with the password', async () => {
    await admin.config('SET', 'requirepass', 'right');
    const refused = await openStore(server.url.replace('//', '//:wrong@'));
    const { message } = await failing(() => refused.ping());
    expect(message).toMatch(/WRONGPASS|NOAUTH/);
    expect(message).not.toContain('wrong@');
    await refused.close();
    const allowed = await openStore(server.url.replace('//', '//:right@'));
    await allowed.ping();
    await allowed.close();
  });

  test('is killed and started again: knows what it accepted, and who listened hears again', async () => {
    const heard: Settled[] = [];
    await store.listen('r', (settled) => heard.push(...settled));
    await accept(1);
    await server.kill9();
    await failing(() => store.ping());
    await server.start();
    await until(works, { deadline: 5000 });
    expect((await store.find(uuid(1))).status).toBe('queued');
    await store.complete({ model, outcomes: outcomesOf(single(uuid(1))), now });
    await until(() => heard.length === 1);
    expect(await store.audit()).toMatchObject({ accepted: 1, done: 1, unaccounted: [] });
  });

  test('is a replica: says READONLY, and works once it is a primary again', async () => {
    await admin.replicaof('127.0.0.1', 1);
    expect((await failing(() => accept(1))).message).toContain('READONLY');
    await failing(() => store.ping());
    await admin.call('REPLICAOF', 'NO', 'ONE');
    await until(works, { deadline: 5000 });
    expect((await accept(1))[0]?.publish).toEqual([0]);
  });

  test('is full: says so, and works once it has room', async () => {
    await admin.config('SET', 'maxmemory', '1');
    expect((await failing(() => accept(1))).message).toContain('OOM');
    await failing(() => store.ping());
    await admin.config('SET', 'maxmemory', '0');
    await until(works, { deadline: 5000 });
    expect(await store.audit()).toMatchObject({ accepted: 0 });
  });

  test('hangs: a call fails within two seconds, and the store works again by itself', async () => {
    const pid = Number(/process_id:(\d+)/.exec(await admin.info('server'))?.[1]);
    const heard: Settled[] = [];
    await store.listen('r', (settled) => heard.push(...settled));
    process.kill(pid, 'SIGSTOP');
    const before = performance.now();
    try {
      await failing(() => accept(1));
      expect(performance.now() - before).toBeLessThan(2000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(works, { deadline: 5000 });
    await store.complete({ model, outcomes: [failed(uuid(2))], replyTo: 'r', now });
    await until(() => heard.length === 1);
  });

  test('hangs: of many calls four are sent, and the others are refused and leave no trace', async () => {
    const pid = Number(/process_id:(\d+)/.exec(await admin.info('server'))?.[1]);
    process.kill(pid, 'SIGSTOP');
    try {
      const calls = Array.from({ length: 20 }, (_, n) => failing(() => accept(n)));
      const messages = (await Promise.all(calls)).map(({ message }) => message);
      expect(messages.filter((message) => message.endsWith('too much waits for it'))).toHaveLength(16);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(works, { deadline: 5000 });
    expect((await store.audit()).accepted).toBeLessThanOrEqual(4);
  });

  test('is emptied: what comes is stored, and told to who the event says waits', async () => {
    const heard: Settled[] = [];
    await store.listen('r', (settled) => heard.push(...settled));
    await accept(1);
    await admin.flushall();
    await admin.script('FLUSH');
    expect((await store.find(uuid(1))).status).toBe('unknown');
    const outcomes = outcomesOf(single(uuid(1)));
    expect(await store.complete({ model, outcomes, replyTo: 'r', now })).toEqual({
      stored: 1,
      duplicates: 0,
      conflicts: [],
    });
    await until(() => heard.length === 1);
    expect((await store.find(uuid(1))).status).toBe('done');
    expect(await store.audit()).toMatchObject({ accepted: 1, done: 1, open: 0, unaccounted: [] });
  });

  test('lost single keys: the audit names their jobs', async () => {
    await accept(1);
    await store.accept([single(uuid(2), 'Ajax'), single(uuid(3), 'Everton')], { digest, now });
    await admin.hdel('kickoff:open', uuid(1));
    await admin.zrem('kickoff:deadlines', uuid(2));
    expect((await store.audit()).unaccounted.sort()).toEqual([uuid(1), uuid(2)]);
    await store.overdue({ now: now + 15_000, limit: 10 });
    expect((await store.audit()).unaccounted.sort()).toEqual([uuid(1), uuid(2)]);
  });

  test('holds what an older version wrote: results are answered, open jobs are published again and end', async () => {
    await store.complete({ model, outcomes: outcomesOf(single(uuid(9))), now });
    const [ended = ''] = await admin.keys('kickoff:ended:*');
    const record = (await admin.hget(ended, uuid(9))) ?? '';
    await admin.hset(ended, uuid(1), record.replace(/\n=.*\n/, '\n'));
    expect(await store.find(uuid(1))).toMatchObject({ status: 'done', outcomes: [{ text: doneText() }] });
    expect((await store.accept([single(uuid(1), 'Ajax')], { digest, now }))[0]).not.toHaveProperty(
      'conflict',
    );
    await olderJob(2, { traceparent: '00-1-2-01', correlationid: 'order 7' });
    const [again] = await store.overdue({ now, limit: 10 });
    expect(again).toEqual({
      ...{ id: uuid(2), list: false, attempts: 1 },
      requests: [{ request: { id: uuid(2), ...arsenal } }],
    });
    const outcomes = outcomesOf(single(uuid(2)));
    expect(await store.complete({ model, outcomes, now })).toEqual({
      stored: 1,
      duplicates: 0,
      conflicts: [],
    });
    expect((await store.find(uuid(2))).status).toBe('done');
  });

  test('is nearly full of overdue jobs of a megabyte each: they and those behind them are published again', async () => {
    for (let n = 0; n < 200; n++) await olderJob(n, { correlationid: `${n}${'x'.repeat(2 ** 20)}` });
    const others = Array.from({ length: 100 }, (_, n) => single(uuid(1000 + n), `Team ${n}`));
    await store.accept(others, { digest, now: now - 16_000 });
    const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    await admin.config('SET', 'maxmemory', used + 16 * 2 ** 20);
    const seen = new Set<string>();
    for (let jobs = await store.overdue({ now, limit: 1000 }); jobs.length > 0;) {
      for (const { id } of jobs) seen.add(id);
      await store.complete({ model, outcomes: jobs.flatMap(outcomesOf), now });
      jobs = await store.overdue({ now, limit: 1000 });
    }
    expect(seen.size).toBe(300);
    expect(await store.audit()).toMatchObject({ open: 0, unaccounted: [] });
  });

  /** An open job as a version without fingerprints wrote it, overdue. */
  async function olderJob(n: number, extensions: Record<string, string>): Promise<void> {
    const body = `${JSON.stringify(extensions)}\n?${shortId(digest)}${fixtureText(arsenal)}\t\n`;
    await admin.hset('kickoff:open', uuid(n), 's 1 1 \n');
    await admin.hset('kickoff:bodies', uuid(n), body);
    await admin.zadd('kickoff:deadlines', now - 1000, uuid(n));
  }
});
