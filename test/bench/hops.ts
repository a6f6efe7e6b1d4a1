import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { type Exit, Failure, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { debian } from '../needs.ts';
import { type Kickoff, startKickoff } from '../servers/kickoff.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { startRedis } from '../servers/redis.ts';
import { root } from './parts.ts';
import { median } from './report.ts';

const help = `node test/bench/hops.ts [--requests N]

Where the time of a lone request goes, hop by hop, on real RabbitMQ and Redis: markdown, medians in µs.

  --requests N   how many are asked, one at a time, after a warm up of 1000 (default 300)

Exit code: 0 measured, 1 RabbitMQ or Redis is not here, 2 wrong usage.`;

const Tapped = v.object({
  service: v.string(),
  port: v.number(),
  noted: v.array(v.tuple([v.number(), v.picklist(['read', 'write', 'request']), v.number()])),
});
/** What a process did at a time in µs; `peer` is the port at the other end. */
type Mark = { at: number; service: string; what: string; peer: number };
type Asked = { sent: number; answered: number };
type Recorded = { asked: Asked[]; marks: Mark[]; ports: ReadonlyMap<number, string> };

/** The marks that a request leaves in this order: who, what, with whom; and the hop that ends with it. */
const way: [service: string, what: string, peer: string, hop: string][] = [
  ['ingress', 'request', '', 'client to ingress'],
  ['ingress', 'write', 'redis', 'ingress: parse, check, names'],
  ['ingress', 'read', 'redis', 'store: accept into the ledger'],
  ['ingress', 'write', 'rabbitmq', 'ingress: publish'],
  ['runtime', 'read', 'rabbitmq', 'queue ml'],
  ['runtime', 'write', 'rabbitmq', 'source: to the Broker'],
  ['runtime', 'read', 'rabbitmq', 'Broker: queue of the Trigger predict'],
  ['runtime', 'write', 'predict', 'dispatcher: to predict'],
  ['predict', 'request', '', 'dispatcher to predict'],
  ['predict', 'write', '', 'predict: read, infer, reply'],
  ['runtime', 'read', 'predict', 'reply to dispatcher'],
  ['runtime', 'write', 'rabbitmq', 'reply: to the Broker'],
  ['runtime', 'read', 'rabbitmq', 'Broker: queue of the Trigger cache-write'],
  ['runtime', 'write', 'cache-write', 'dispatcher: to cache-write'],
  ['cache-write', 'request', '', 'dispatcher to cache-write'],
  ['cache-write', 'write', 'redis', 'cache-write: read, check'],
  ['ingress', 'read', 'redis', 'store: results, and who waits is told'],
  ['ingress', 'write', '', 'ingress: answer'],
];
/** Marks of which there may be several, confirms beside deliveries: the last one before the next mark counts. */
const lastCounts = 'runtime read rabbitmq';

/** Starts Kickoff with a tap in each of its processes and asks `count` times, one after the other. */
async function record(count: number): Promise<Recorded> {
  const needs = [
    await debian('rabbitmq-server', 'rabbitmq-server'),
    await debian('redis-server', 'redis-server'),
  ];
  const [rabbitServer = '', redisServer = ''] = needs.map((need) => {
    if ('missing' in need) throw new Failure(need.missing);
    return need.path;
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-hops-'));
  const [rabbit, redis] = await Promise.all([
    startRabbit(rabbitServer),
    startRedis(redisServer, { appendonly: true }),
  ]);
  const ports = new Map([
    [Number(new URL(rabbit.url).port), 'rabbitmq'],
    [Number(new URL(redis.url).port), 'redis'],
  ]);
  let asked: Asked[];
  try {
    const tap = pathToFileURL(path.join(import.meta.dirname, 'tap.mjs'));
    tap.searchParams.set('folder', folder);
    const kickoff = await startKickoff(path.join(folder, 'state'), {
      ...{ LOG_LEVEL: 'warn', AMQP_URL: rabbit.url, STORE_URL: redis.url },
      NODE_OPTIONS: `--import ${tap.href}`,
    });
    asked = await ask(kickoff, count).finally(() => kickoff.stop());
  } finally {
    await Promise.all([rabbit.remove(), redis.remove()]);
  }
  const taps = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => v.parse(Tapped, JSON.parse(readFileSync(path.join(folder, file), 'utf8'))));
  rmSync(folder, { recursive: true, force: true });
  for (const { service, port } of taps) ports.set(port, service);
  const marks = taps.flatMap(({ service, noted }) =>
    noted.map(([at, what, peer]): Mark => ({ at, service, what, peer })),
  );
  return { asked, ports, marks: marks.sort((a, b) => a.at - b.at) };
}

async function ask({ url }: Kickoff, count: number): Promise<Asked[]> {
  const { teams } = v.parse(
    v.object({ teams: v.array(v.object({ name: v.string() })) }),
    JSON.parse(readFileSync(path.join(root, 'model/registry/match-outcome/1/teams.json'), 'utf8')),
  );
  const now = (): number => Number(process.hrtime.bigint() / 1000n);
  /** A fixture that was not asked for before. */
  async function one(n: number): Promise<Asked> {
    const away = (n + 1 + Math.floor(n / teams.length)) % teams.length;
    const body = JSON.stringify({ home: teams[n % teams.length]?.name, away: teams[away]?.name });
    const sent = now();
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/v1/predictions`, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
    return { sent, answered: now() };
  }
  // The code must be compiled by the JIT, as it is after the first seconds of load.
  for (let n = 0; n < 1000; n += 50)
    await Promise.all(Array.from({ length: 50 }, (_, more) => one(n + more)));
  const asked: Asked[] = [];
  for (let n = 0; n < count; n++) {
    asked.push(await one(1000 + n));
    await wait(5); // what follows the answer (acknowledgements, history) belongs to no hop of the next request
  }
  return asked;
}

/** The time of each hop of one request in µs, or undefined where a mark is missing. */
function hopsOf(
  { sent, answered }: Asked,
  { marks, ports }: Recorded,
): [hop: string, us: number][] | undefined {
  const own = marks.filter(({ at }) => at >= sent && at <= answered);
  const fits = (mark: Mark, [service, what, peer]: (typeof way)[number]): boolean =>
    mark.service === service && mark.what === what && (peer === '' || ports.get(mark.peer) === peer);
  const hops: [string, number][] = [];
  let before = sent;
  let from = 0;
  for (const [place, step] of way.entries()) {
    const next = way[place + 1];
    let found = own.findIndex((mark, n) => n >= from && fits(mark, step));
    if (next && step.slice(0, 3).join(' ') === lastCounts) {
      const end = own.findIndex((mark, n) => n > found && fits(mark, next));
      found = own.findLastIndex((mark, n) => n >= from && n < end && fits(mark, step));
    }
    const mark = own[found];
    if (!mark) return undefined;
    hops.push([step[3], mark.at - before]);
    before = mark.at;
    from = found + 1;
  }
  return [...hops, ['ingress to client', answered - before], ['**in all**', answered - sent]];
}

const command = ofProcess();
const frame = { help, options: { requests: { type: 'string', default: '300' } } } as const;
process.exitCode = await runCommand(command, frame, async ({ values }): Promise<Exit> => {
  const count = Number(values.requests);
  if (!(Number.isInteger(count) && count >= 1))
    throw new Refusal(`--requests ${values.requests}: must be a whole number from 1 on\n(see --help)`);
  const recorded = await record(count);
  const requests = recorded.asked.flatMap((one) => {
    const hops = hopsOf(one, recorded);
    return hops ? [new Map(hops)] : [];
  });
  command.print(`## One request, hop by hop\n`);
  command.print(
    `Medians of ${requests.length} of ${count} lone misses, µs; the tap in each process costs some of it.\n`,
  );
  command.print('| hop | median | p90 |\n| --- | --- | --- |');
  for (const hop of requests[0]?.keys() ?? []) {
    const times = requests.map((one) => one.get(hop) ?? NaN).sort((a, b) => a - b);
    const p90 = times[Math.floor(0.9 * times.length)] ?? NaN;
    command.print(`| ${hop} | ${median(times).toFixed(0)} | ${p90.toFixed(0)} |`);
  }
  return 0;
});
