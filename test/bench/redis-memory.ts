import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import * as v from 'valibot';
import { openStore } from '../../functions/shared/store/open.ts';
import { type Exit, Failure, ofProcess, runCommand } from '../../eventing/commands/command.ts';
import { redisManifest } from '../manifests/redis.ts';
import { debian } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { end, ready, start } from '../servers/process.ts';
import { answersPing } from '../servers/redis.ts';
import { until } from '../until.ts';

const help = `node test/bench/redis-memory.ts [--seconds N] [--limit MIB] [--replica]

The memory of Redis with the configuration of manifests/base/redis.yaml in a control group with its container's limits, while 80 callers in three
processes ask lists of 1000 matches, and while it rewrites its append-only file again and again. As root. Markdown.

  --seconds N   default 60
  --limit MIB   the limit of memory instead of the manifest's
  --replica     with a copy, in a control group of its own, that connects under load and so makes a full copy

Exit code: 0 measured, 1 Redis is not here, there is no control group, or Redis was killed, 2 wrong usage.`;

const clients = [27, 27, 26];
const MiB = 2 ** 20;
const inMiB = (bytes: number): number => Math.round(bytes / MiB);

const Seen = v.object({ accepted: v.number(), refused: v.number(), slowest: v.number() });
const SlowLog = v.array(v.looseTuple([v.number(), v.number(), v.number(), v.array(v.string())]));

/** A control group of version 1 with limits of memory in bytes and of CPU in cores: what a kubelet makes of a container's limits. */
function controlGroup(name: string, memory: number, cores: number) {
  if (!existsSync('/sys/fs/cgroup/memory'))
    throw new Failure('no control groups of version 1 in /sys/fs/cgroup');
  const memoryGroup = `/sys/fs/cgroup/memory/${name}`;
  const cpuGroup = `/sys/fs/cgroup/cpu/${name}`;
  for (const group of [memoryGroup, cpuGroup]) mkdirSync(group);
  writeFileSync(`${memoryGroup}/memory.limit_in_bytes`, String(memory));
  writeFileSync(`${cpuGroup}/cpu.cfs_quota_us`, String(cores * 100_000));
  return {
    /** The command that runs another one in the group. */
    enter: `echo $$ >${memoryGroup}/cgroup.procs; echo $$ >${cpuGroup}/cgroup.procs; exec`,
    /** Bytes that are in no file: reaching the limit with these ends a process. */
    anonymous: () =>
      Number(/^total_rss (\d+)/m.exec(readFileSync(`${memoryGroup}/memory.stat`, 'utf8'))?.[1]),
    /** Waits for the last process of it, one that rewrites the file perhaps. */
    remove: () =>
      until(() => {
        try {
          for (const group of [memoryGroup, cpuGroup]) if (existsSync(group)) rmdirSync(group);
          return true;
        } catch {
          return false;
        }
      }),
  };
}

/** A Redis in a control group, watched from now on. */
async function watched(program: string, name: string, limit: number | undefined, flags: string[] = []) {
  const { config, memory, cores } = redisManifest();
  const bytes = limit === undefined ? memory : limit * MiB;
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-redis-'));
  const port = await freePort();
  const file = path.join(folder, 'redis.conf');
  const own = [`port ${port}`, 'bind 127.0.0.1', 'slowlog-log-slower-than 5000', 'slowlog-max-len 100000'];
  writeFileSync(file, [config.replace(/^dir .*$/m, `dir ${folder}`), ...own].join('\n'));
  const group = controlGroup(`kickoff-${name}-${process.pid}`, bytes, cores);
  const server = start('/bin/sh', ['-c', `${group.enter} ${[program, file, ...flags].join(' ')}`]);
  await ready(server, () => answersPing(port), 20_000);
  const admin = new Redis(port, '127.0.0.1');
  admin.on('error', () => undefined);

  const peaks = { anonymous: 0, used: 0, clients: 0, copies: 0, lua: 0, copied: 0, rewrites: 0 };
  const isUp = (): boolean => server.child.exitCode === null && server.child.signalCode === null;
  let running = true;
  const watch = async (): Promise<void> => {
    for (; running && isUp(); await new Promise((resolve) => setTimeout(resolve, 20))) {
      peaks.anonymous = Math.max(peaks.anonymous, group.anonymous());
      const info = await admin.info().catch(() => '');
      const value = (field: string): number =>
        Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      peaks.used = Math.max(peaks.used, value('used_memory_peak'));
      peaks.clients = Math.max(peaks.clients, value('mem_clients_normal'));
      peaks.copies = Math.max(peaks.copies, value('mem_total_replication_buffers'));
      peaks.lua = Math.max(peaks.lua, value('used_memory_vm_total'));
      peaks.copied = Math.max(
        peaks.copied,
        value('aof_last_cow_size'),
        value('current_cow_size'),
        value('rdb_last_cow_size'),
      );
      if (value('aof_rewrite_in_progress') > 0 || value('used_memory') < 32 * MiB) continue;
      peaks.rewrites += await admin.bgrewriteaof().then(
        () => 1,
        () => 0,
      );
    }
  };
  const watching = watch();
  return {
    ...{ admin, port, isUp },
    async end(): Promise<[string, number | string][]> {
      running = false;
      await watching;
      const killed = !isUp();
      admin.disconnect();
      await end(server, 'SIGKILL');
      await group.remove();
      rmSync(folder, { recursive: true, force: true });
      return [
        [`${name}: limit, MiB`, inMiB(bytes)],
        ['peak of what is in no file', inMiB(peaks.anonymous)],
        ['peak of used_memory', inMiB(peaks.used)],
        ['peak of clients', inMiB(peaks.clients)],
        ['peak of what copies are to be sent', inMiB(peaks.copies)],
        ['peak of Lua', inMiB(peaks.lua)],
        ['most copied by a fork', inMiB(peaks.copied)],
        ['rewrites', peaks.rewrites],
        ['killed', killed ? 'yes' : 'no'],
      ];
    },
  };
}

/** The processes of callers, and what they saw. */
async function callers(port: number, seconds: number): Promise<v.InferOutput<typeof Seen>[]> {
  const file = path.join(import.meta.dirname, 'redis-client.ts');
  return Promise.all(
    clients.map(async (count) => {
      const args = [file, `redis://127.0.0.1:${port}`, String(count), String(seconds)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await once(child, 'close');
      return v.parse(Seen, JSON.parse(text));
    }),
  );
}

/** How long scripts took, and what they left. A script waits for a core as everybody does: the second figure is the share that it got. */
async function scriptsOf(admin: Redis, port: number): Promise<[string, number | string][]> {
  const stats = await admin.info('commandstats');
  const spent = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+),usec=(\d+)/g)];
  const calls = spent.reduce((sum, [, count]) => sum + Number(count), 0);
  const ms = spent.reduce((sum, [, , usec]) => sum + Number(usec), 0) / 1000;
  const cpu = [...(await admin.info('cpu')).matchAll(/used_cpu_(?:sys|user)_main_thread:(\S+)/g)];
  const cpuMs = cpu.reduce((sum, [, seconds]) => sum + Number(seconds) * 1000, 0);
  const log = v.parse(SlowLog, await admin.slowlog('GET', 100_000));
  const longest = log
    .filter(([, , , [name = '']]) => name.startsWith('eval'))
    .map(([, , usec]) => Math.round(usec / 1000));
  await admin.config('SET', 'maxmemory', '0');
  const store = await openStore(`redis://127.0.0.1:${port}`);
  const { accepted, done, failed, open, unaccounted } = await store.audit();
  await store.close();
  return [
    ['scripts', calls],
    ['CPU of Redis for each, ms', (cpuMs / calls).toFixed(1)],
    ['share of a core while they ran', (cpuMs / ms).toFixed(2)],
    [
      'the longest three, ms',
      longest
        .sort((a, b) => b - a)
        .slice(0, 3)
        .join(' '),
    ],
    ['unaccounted', unaccounted.length + Math.abs(accepted - done - failed - open)],
  ];
}

export async function redisMemory(command: ReturnType<typeof ofProcess>): Promise<Exit> {
  const options = {
    seconds: { type: 'string', default: '60' },
    limit: { type: 'string' },
    replica: { type: 'boolean', default: false },
  } as const;
  return runCommand(command, { help, options }, async ({ values }) => {
    const need = await debian('redis-server', 'redis-server');
    if ('missing' in need) throw new Failure(need.missing);
    const limit = values.limit === undefined ? undefined : Number(values.limit);
    const primary = await watched(need.path, 'primary', limit);
    const asking = callers(primary.port, Number(values.seconds));
    const full = async (): Promise<boolean> =>
      Number(/used_memory:(\d+)/.exec(await primary.admin.info('memory'))?.[1]) > 64 * MiB;
    if (values.replica) await until(full, { deadline: Number(values.seconds) * 1000, every: 100 });
    const flags = ['--replicaof', '127.0.0.1', String(primary.port)];
    const replica = values.replica ? await watched(need.path, 'replica', limit, flags) : undefined;
    const seen = await asking;
    const rows: [string, number | string][] = [
      ['lists of 1000', seen.reduce((sum, { accepted }) => sum + accepted, 0)],
      ['refused', seen.reduce((sum, { refused }) => sum + refused, 0)],
      ['slowest, ms', Math.round(Math.max(...seen.map(({ slowest }) => slowest)))],
    ];
    if (replica)
      rows.push([
        'the copy is up to date',
        String(/master_link_status:up/.test(await replica.admin.info('replication'))),
      ]);
    if (primary.isUp()) rows.push(...(await scriptsOf(primary.admin, primary.port)));
    rows.push(...(await primary.end()), ...((await replica?.end()) ?? []));
    for (const [name, value] of rows) command.print(`| ${name} | ${value} |`);
    return rows.some(([, value]) => value === 'yes') ? 1 : 0;
  });
}

if (import.meta.main) process.exitCode = await redisMemory(ofProcess());
