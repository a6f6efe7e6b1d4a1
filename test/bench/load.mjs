// One load generator for every system: node test/bench/load.mjs {"url":...,"mode":...}. From the baseline harness, with two more protocols.
//
//   mode      closed (c connections, next request after the answer) | open (fixed rate)
//   traffic   miss (every match unique) | zipf (90 % from a warm list of 1,000 fixtures, 10 % unique)
//             | get (plain GET)
//   protocol  native (24 features) | teams (two names of `teams`, each pair once) | list (`fixtures` such pairs in one request)
//   teams     path of a teams.json; first: where in the permutation of all pairs this window begins
//   most      the most pairs that are new; a window also ends with the last pair, since one that was asked for before would be a hit
//
// Open loop is safe from coordinated omission: each request has a due time on a fixed
// schedule, latency counts from that due time, and requests wait in line when all
// connections are busy. Latency resolution in open mode is the 1 ms timer; the
// generator never spins, as it shares the machine with the system under test.
//   host      the Host header, if not that of the URL
//
// Bounded: seconds and maxInFlight always apply, and only loopback or a private address (a cluster on this machine) is accepted.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { performance } from 'node:perf_hooks';

const o = {
  mode: 'closed',
  c: 8,
  rate: 100,
  seconds: 5,
  traffic: 'miss',
  protocol: 'native',
  seed: Date.now() % 1e9,
  first: 0,
  fixtures: 1000,
  most: Infinity,
  maxInFlight: 256,
  timeoutMs: 15000,
  timeline: false,
  warm: false,
  ...JSON.parse(process.argv[2]),
};
const url = new URL(o.url);
if (!/^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$/.test(url.hostname))
  throw new Error('loopback and private addresses only');
const host = o.host ?? url.host;

// ---- requests -------------------------------------------------------------
let state = 12345;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const gauss = () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
const POOL = Array.from(
  { length: 2048 },
  () => '[' + Array.from({ length: 24 }, () => gauss().toFixed(4)).join(',') + ']',
);
const FIXTURES = 1000;
const zipf = [];
for (let i = 0, sum = 0; i < FIXTURES; i++) zipf.push((sum += 1 / (i + 1)));
const pickFixture = () => {
  const x = random() * zipf[FIXTURES - 1];
  let lo = 0,
    hi = FIXTURES - 1;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    zipf[mid] < x ? (lo = mid + 1) : (hi = mid);
  }
  return lo;
};
state = o.seed >>> 0;
let unique = 0;
// All ordered pairs of teams in a fixed shuffled order; the last 1,000 are the warm fixtures, so that a miss never meets one.
const TEAMS = o.teams ? JSON.parse(readFileSync(o.teams, 'utf8')).teams.map((t) => t.name) : [];
const PAIRS = TEAMS.length * (TEAMS.length - 1);
function pair(n) {
  const k = (n * 7919) % PAIRS,
    home = Math.floor(k / (TEAMS.length - 1)),
    rest = k % (TEAMS.length - 1);
  return `{"home":${JSON.stringify(TEAMS[home])},"away":${JSON.stringify(TEAMS[rest < home ? rest : rest + 1])}}`;
}
const missing = () => o.first + unique++;
const over = () =>
  TEAMS.length > 0 &&
  !o.warm &&
  unique + (o.protocol === 'list' ? o.fixtures : 1) > Math.min(o.most, PAIRS - FIXTURES - o.first);
const native = (h, a, f) => `{"home":"${h}","away":"${a}","date":"2026-11-24","features":${f}}`;
const miss = {
  native: () => native(`u${o.seed}-${unique}`, 'away', POOL[(unique++ * 31) % 2048]),
  teams: () => pair(missing()),
  list: () => `{"fixtures":[${Array.from({ length: o.fixtures }, () => pair(missing())).join(',')}]}`,
}[o.protocol];
const fixture =
  o.protocol === 'native'
    ? (i) => native(`home${i}`, `away${i}`, POOL[i])
    : (i) => pair(PAIRS - FIXTURES + i);
function body(i) {
  if (o.warm) return fixture(i % FIXTURES);
  if (o.traffic === 'zipf' && random() < 0.9) return fixture(pickFixture());
  return miss();
}
const get = `GET ${url.pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const post = `POST ${url.pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: `;
const request = (i) => {
  if (o.traffic === 'get') return get;
  const b = body(i);
  return Buffer.from(post + Buffer.byteLength(b) + '\r\n\r\n' + b);
};

// ---- connections ------------------------------------------------------------
const latencies = [],
  line = [],
  idle = [],
  timeline = [];
let sent = 0,
  ok = 0,
  errors = {},
  inFlight = 0,
  stopping = false,
  opened = 0,
  bad = 0;
const start = performance.now();
function note(kind, due) {
  const now = performance.now();
  if (kind === 'ok') {
    ok++;
    latencies.push(now - due);
  } else errors[kind] = (errors[kind] ?? 0) + 1;
  if (o.timeline) timeline.push([Math.round(due - start), Math.round(now - start), kind]);
}
// Every 64th answer is read: three probabilities that sum to 1, one set for each fixture.
function check(text) {
  if (o.traffic === 'get' || ok % 64) return;
  const sets = [
    ...Buffer.from(text, 'latin1')
      .toString()
      .matchAll(/"probabilities":(\{[^}]*\})/g),
  ];
  const good =
    sets.length === (o.protocol === 'list' ? o.fixtures : 1) &&
    sets.every(([, json]) => {
      const p = JSON.parse(json);
      return Math.abs(p.home + p.draw + p.away - 1) < 1e-3;
    });
  if (!good) {
    bad++;
    if (bad === 1) console.error('bad answer:', text.slice(0, 400));
  }
}
class Conn {
  constructor() {
    this.buf = '';
    this.due = 0;
    this.busy = false;
    this.open();
  }
  open() {
    opened++;
    this.s = net.connect({ host: url.hostname, port: +url.port || 80, noDelay: true });
    this.s.setEncoding('latin1');
    this.s.on('data', (d) => {
      this.buf += d;
      this.parse();
    });
    this.s.on('error', () => {});
    this.s.on('close', () => this.closed());
  }
  closed() {
    if (this.dead) return;
    this.dead = true;
    clearTimeout(this.timer);
    if (this.busy) {
      this.busy = false;
      inFlight--;
      note('connection', this.due);
    }
    const i = idle.indexOf(this);
    if (i >= 0) idle.splice(i, 1);
    if (!stopping)
      setTimeout(() => {
        const c = new Conn();
        c.ready();
      }, 20);
  }
  ready() {
    if (o.mode === 'closed') {
      if (!stopping && !over()) this.send(performance.now());
      else if (inFlight === 0) finish();
    } else {
      if (line.length) this.send(line.shift());
      else idle.push(this);
    }
  }
  send(due) {
    this.busy = true;
    this.due = due;
    inFlight++;
    this.timer ??= setInterval(() => {
      if (this.busy && performance.now() - this.sentAt > o.timeoutMs) {
        note('timeout', this.due);
        this.busy = false;
        inFlight--;
        this.s.destroy();
      }
    }, 1000);
    this.sentAt = performance.now();
    this.s.write(request(sent++));
  }
  parse() {
    const end = this.buf.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.buf.slice(0, end);
    const m = /content-length: *(\d+)/i.exec(head);
    let size;
    if (m) size = end + 4 + +m[1];
    else {
      const e = this.buf.indexOf('0\r\n\r\n', end);
      if (e < 0) return;
      size = e + 5;
    } // chunked
    if (this.buf.length < size) return;
    const text = this.buf.slice(end + 4, size),
      status = head.slice(9, 12);
    this.buf = this.buf.slice(size);
    this.busy = false;
    inFlight--;
    note(status === '200' ? 'ok' : 'http ' + status, this.due);
    if (status === '200') check(text);
    if (/connection: close/i.test(head)) this.s.destroy();
    else this.ready();
  }
}

// ---- schedule ---------------------------------------------------------------
const cpu0 = process.cpuUsage();
let due = 0;
let finished = false;
if (o.mode === 'closed') {
  for (let i = 0; i < o.c; i++) new Conn().ready();
} else {
  for (let i = 0; i < o.maxInFlight; i++) if (i < 32) new Conn().ready();
  const tick = setInterval(() => {
    const now = performance.now() - start;
    if (now > o.seconds * 1000 || over()) {
      clearInterval(tick);
      finish();
      return;
    }
    for (; (due * 1000) / o.rate <= now; due++) {
      const at = start + (due * 1000) / o.rate;
      if (idle.length) idle.pop().send(at);
      else {
        line.push(at);
        if (inFlight < o.maxInFlight && opened < o.maxInFlight) new Conn().ready();
      }
    }
  }, 1);
}
setTimeout(finish, o.seconds * 1000);
async function finish() {
  if (finished) return;
  finished = true;
  const took = (performance.now() - start) / 1000,
    okInTime = ok;
  stopping = o.mode === 'closed';
  const cpu = process.cpuUsage(cpu0);
  const deadline = performance.now() + o.timeoutMs;
  while ((inFlight || line.length) && performance.now() < deadline)
    await new Promise((r) => setTimeout(r, 20));
  stopping = true;
  latencies.sort((a, b) => a - b);
  const p = (q) =>
    latencies.length
      ? +latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))].toFixed(2)
      : null;
  console.log(
    JSON.stringify({
      mode: o.mode,
      c: o.mode === 'closed' ? o.c : undefined,
      rate: o.mode === 'open' ? o.rate : undefined,
      traffic: o.traffic,
      seconds: +took.toFixed(2),
      sent,
      ok,
      errors,
      unanswered: inFlight + line.length,
      badAnswers: bad,
      perSecond: +(okInTime / took).toFixed(1),
      p50: p(0.5),
      p90: p(0.9),
      p99: p(0.99),
      max: p(1),
      used: unique,
      generatorCpu: +((cpu.user + cpu.system) / 1e6 / took).toFixed(3),
      ...(o.timeline ? { timeline } : {}),
    }),
  );
  process.exit(0);
}
