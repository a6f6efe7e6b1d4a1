import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';
import { debian } from '../needs.ts';
import { startKickoff } from '../servers/kickoff.ts';
import { startRabbit } from '../servers/rabbitmq.ts';
import { startRedis } from '../servers/redis.ts';
import { median } from './report.ts';

const help = `node test/bench/hops.ts [--requests N]
Where the time of a lone request goes, hop by hop, on real RabbitMQ and Redis: markdown, medians in µs.`;

const { values } = parseArgs({
  options: { help: { type: 'boolean', short: 'h' }, requests: { type: 'string', default: '300' } },
});
if (values.help === true) {
  console.log(help);
  process.exit(0);
}

const Tapped = v.object({
  service: v.string(),
  port: v.number(),
  noted: v.array(v.tuple([v.number(), v.picklist(['read', 'write', 'request']), v.number(), v.number()])),
});
type Mark = { at: number; service: string; what: string; peer: number };

const [rabbitServer, redisServer] = [
  await debian('rabbitmq-server', 'rabbitmq-server'),
  await debian('redis-server', 'redis-server'),
];
if ('missing' in rabbitServer || 'missing' in redisServer) process.exit(1);
const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-hops-'));
const [rabbit, redis] = await Promise.all([
  startRabbit(rabbitServer.path),
  startRedis(redisServer.path, { appendonly: true }),
]);
const tap = pathToFileURL(path.join(import.meta.dirname, 'tap.mjs'));
tap.searchParams.set('folder', folder);
const kickoff = await startKickoff(path.join(folder, 'state'), {
  ...{ LOG_LEVEL: 'warn', AMQP_URL: rabbit.url, STORE_URL: redis.url },
  NODE_OPTIONS: `--import ${tap.href}`,
});

const { teams } = v.parse(
  v.object({ teams: v.array(v.object({ name: v.string() })) }),
  JSON.parse(readFileSync('model/registry/match-outcome/1/teams.json', 'utf8')),
);
const count = Number(values.requests);
/** Asks for one fixture never asked for before; when it was sent and answered, in µs. */
async function ask(n: number): Promise<{ sent: number; answered: number }> {
  const [home, away] = [
    teams[n % teams.length]?.name,
    teams[(n + 1 + Math.floor(n / teams.length)) % teams.length]?.name,
  ];
  const now = (): number => Number(process.hrtime.bigint() / 1000n);
  const sent = now();
  const response = await fetch(`${kickoff.url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ home, away }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
  return { sent, answered: now() };
}
// The code must be compiled by the JIT, as it is after the first seconds of load.
for (let warm = 0; warm < 20; warm++)
  await Promise.all(Array.from({ length: 50 }, (_, n) => ask(warm * 50 + n)));
const asked = [];
for (let n = 0; n < count; n++) {
  asked.push(await ask(1000 + n));
  await wait(5); // what follows the answer (acks, history) belongs to no hop of the next request
}
await kickoff.stop();
await Promise.all([rabbit.remove(), redis.remove()]);

const marks: Mark[] = [];
const ports = new Map([
  [Number(new URL(rabbit.url).port), 'rabbitmq'],
  [Number(new URL(redis.url).port), 'redis'],
]);
const taps = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => v.parse(Tapped, JSON.parse(readFileSync(path.join(folder, file), 'utf8'))));
rmSync(folder, { recursive: true, force: true });
for (const { service, port } of taps) ports.set(port, service);
for (const { service, noted } of taps)
  for (const [at, what, peer, own] of noted)
    // What the runtime writes to a client goes out from the front door's port.
    marks.push({
      at,
      service,
      what,
      peer: service === 'runtime' && ports.get(own) === 'runtime' ? own : peer,
    });
marks.sort((a, b) => a.at - b.at);

/** The marks that a request leaves in this order: who, what, with whom; and the hop that ends with it. */
const way: [service: string, what: string, peer: string, hop: string][] = [
  ['runtime', 'request', 'runtime', 'client to front door'],
  ['runtime', 'write', 'ingress', 'front door: routes to a replica'],
  ['ingress', 'request', '', 'front door to ingress'],
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
  ['runtime', 'read', 'ingress', 'ingress to front door'],
  ['runtime', 'write', 'runtime', 'front door: answer'],
];
// A write to RabbitMQ may be an acknowledgement and a read a confirm: of several between two marks the last before the next one counts.
const lastOf = new Set(['runtime read rabbitmq']);

const times = new Map<string, number[]>();
const add = (hop: string, us: number): void => void times.set(hop, [...(times.get(hop) ?? []), us]);
let whole = 0;
for (const { sent, answered } of asked) {
  const own = marks.filter(({ at }) => at >= sent && at <= answered);
  let from = 0;
  const reached: { hop: string; at: number }[] = [];
  for (const [place, [service, what, peer, hop]] of way.entries()) {
    const fits = (mark: Mark, [of, does, to]: (typeof way)[number]): boolean =>
      mark.service === of && mark.what === does && (to === '' || ports.get(mark.peer) === to);
    const next = way[place + 1];
    let found = own.findIndex((mark, n) => n >= from && fits(mark, [service, what, peer, hop]));
    if (found < 0) break;
    if (lastOf.has(`${service} ${what} ${peer}`) && next) {
      const end = own.findIndex((mark, n) => n > found && fits(mark, next));
      found = own.findLastIndex((mark, n) => n >= from && n < end && fits(mark, [service, what, peer, hop]));
      if (found < 0) break;
    }
    reached.push({ hop, at: own[found]?.at ?? 0 });
    from = found + 1;
  }
  if (reached.length < way.length) continue;
  whole++;
  let before = sent;
  for (const { hop, at } of reached) {
    add(hop, at - before);
    before = at;
  }
  add('front door to client', answered - before);
  add('**in all**', answered - sent);
}
console.log(
  `A lone request, hop by hop: medians of ${whole} of ${count} requests, µs; the tap itself costs some of it.\n`,
);
console.log('| hop | median | p90 |\n|---|---|---|');
for (const [hop, all] of times) {
  const sorted = all.toSorted((a, b) => a - b);
  console.log(
    `| ${hop} | ${median(all).toFixed(0)} | ${(sorted[Math.floor(0.9 * all.length)] ?? NaN).toFixed(0)} |`,
  );
}
