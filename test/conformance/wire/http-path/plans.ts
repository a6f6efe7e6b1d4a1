import http2 from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../../until.ts';
import { type Answer, answerOn, connect, parse } from './client.ts';
import type { Facts } from './facts.ts';
import type { AppEvent, Recorded } from './recorded.ts';
import { type Request, requestOf } from './request.ts';

/** Where a case is replayed. */
export type Place = {
  readonly url: string;
  readonly pids: () => number[];
  /** What the app saw under this tag. */
  events(tag: string): AppEvent[];
};

export type Seen = { answer?: Answer; facts?: Facts };

/** How a case is replayed, and what the recording says of it beyond answer and app. */
export type Plan = {
  run: (place: Place, request: Request, tag: string) => Promise<Seen>;
  recorded?: (recorded: Recorded) => Facts;
  /** The facts of the answer, or of the app, say nothing here: the recording has other times, or has none. */
  ignore?: RegExp;
};

const send: Plan = {
  async run({ url }, { bytes, method }) {
    const connection = await connect(url);
    await connection.write(bytes);
    const answer = await answerOn(connection, method);
    connection.destroy();
    return { answer };
  },
};

/** Asks once more, apart from the case: `does` is what the app is to do. */
async function ask(
  place: Place,
  does: string,
  { method = 'GET', path = '/', body = '', tag = '', ms = 5000 } = {},
): Promise<Answer> {
  const connection = await connect(place.url);
  const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
  await connection.write(
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nx-case: ${tag}\r\nx-do: ${does}\r\n${length}\r\n${body}`,
  );
  const answer = await answerOn(connection, method, ms);
  connection.destroy();
  return answer;
}

const short = ({ status, body }: { status: number; body: string }): string =>
  status === 200 ? '200' : `${status} ${body.trim()}`;

/** The client goes after so many ms. */
function goes(after: number, ignore?: RegExp): Plan {
  return {
    async run({ url }, { bytes, method }) {
      const connection = await connect(url);
      await connection.write(bytes);
      await wait(after);
      const answer = parse(connection.received, method, false);
      connection.destroy();
      return { answer };
    },
    ...(ignore ? { ignore } : {}),
  };
}

/** The request is made here, not in the recording. */
const ownHost = /^app header host$/;

const all = (recorded: Recorded): Facts => ({ 'client sent all': String(recorded.more['wroteAll']) });

/** A body in pieces, after the head. */
function upload({
  size,
  chunked = false,
  everyMs = 0,
  piece = 65_536,
  after100 = false,
}: {
  size: number;
  chunked?: boolean;
  everyMs?: number;
  piece?: number;
  after100?: boolean;
}): Plan {
  return {
    async run({ url }, { head, method }) {
      const connection = await connect(url);
      await connection.write(head);
      if (after100)
        await until(() => connection.received.includes('100 Continue'), { deadline: 1000 }).catch(
          () => undefined,
        );
      let sent = 0;
      for (; sent < size && !connection.broken; sent += piece) {
        const bytes = 'a'.repeat(Math.min(piece, size - sent));
        await connection.write(chunked ? `${bytes.length.toString(16)}\r\n${bytes}\r\n` : bytes);
        if (everyMs > 0) await wait(everyMs);
      }
      if (chunked) await connection.write('0\r\n\r\n');
      const answer = await answerOn(connection, method);
      connection.destroy();
      return { answer, facts: { 'client sent all': String(sent >= size) } };
    },
    recorded: all,
  };
}

/** 100 bytes at a time: when does the answer come? */
function slowUpload(pieces: number, { everyMs = 100, patience = 3000 } = {}): Plan {
  return {
    async run({ url }, { head, method }) {
      const connection = await connect(url);
      await connection.write(head);
      let early = false;
      for (let piece = 0; piece < pieces; piece++) {
        await wait(everyMs);
        early ||= connection.received !== '';
        await connection.write('a'.repeat(100));
      }
      const answer = await answerOn(connection, method, patience);
      connection.destroy();
      return { answer, facts: { 'before the upload ended': early ? 'an answer' : 'nothing' } };
    },
    recorded: () => ({ 'before the upload ended': 'nothing' }),
  };
}

/** An upgraded connection that says nothing more. */
const silentWebsocket: Plan = {
  async run({ url }, _, tag) {
    const connection = await connect(url);
    await connection.write(websocket(tag));
    await until(() => connection.closed, { deadline: 6000 }).catch(() => undefined);
    const answer = parse(connection.received, 'GET', connection.closed);
    connection.destroy();
    return { answer, facts: { end: connection.closed ? 'server closed' : 'open' } };
  },
  recorded: ({ response }) => ({ end: response?.end ?? '' }),
  ignore: ownHost,
};

function websocket(tag: string): string {
  return `GET /ws HTTP/1.1\r\nHost: x\r\nx-case: ${tag}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
}

/** The place is taken for 600 ms; a second request waits in the queue and its client goes. */
const queuedClientGoes: Plan = {
  async run(place, { bytes }, tag) {
    const first = ask(place, 'do=hold&ms=1200', { tag: `${tag}.first` });
    await until(() => place.events(`${tag}.first`).length > 0, { what: `the app has the first of ${tag}` });
    const second = await connect(place.url);
    await second.write(bytes);
    await wait(150);
    second.destroy();
    await first;
    await wait(200);
    return { facts: { 'the app saw it': String(place.events(tag).length > 0) } };
  },
  recorded: ({ more }) => ({ 'the app saw it': String(more['appSawIt'] === true) }),
  ignore: ownHost,
};

const coldClientGoes: Plan = {
  async run(place, { bytes }, tag) {
    const client = await connect(place.url);
    await client.write(bytes);
    await wait(20);
    client.destroy();
    await ask(place, 'do=status');
    await wait(50);
    return { facts: { 'the app saw it': String(place.events(tag).length > 0) } };
  },
  recorded: ({ more }) => ({ 'the app saw it': String(more['appSawIt'] === true) }),
  ignore: ownHost,
};

/** Does it wake a service at zero? */
const cold: Plan = {
  async run(place, request, tag) {
    const atZero = place.pids().length === 0;
    const seen = await send.run(place, request, tag);
    return { ...seen, facts: { 'was at zero': String(atZero), pods: String(place.pids().length) } };
  },
  recorded: ({ more }) => ({ 'was at zero': String(more['wasAtZero']), pods: String(more['podsAfter']) }),
};

/** What requests get one after the other until one is answered 200, each kind once. */
async function answersUntil200(place: Place): Promise<string> {
  const kinds: string[] = [];
  for (let n = 0; n < 200 && kinds.at(-1) !== '200'; n++) {
    const kind = short(await ask(place, 'do=echo', { method: 'POST', path: '/after', body: 'abc' }));
    if (kinds.at(-1) !== kind) kinds.push(kind);
    await wait(20);
  }
  return kinds.join(', ');
}

type Timed = { status: number; body: string }[];
const kindsOf = (answers: unknown): string =>
  (answers as Timed)
    .map(short)
    .filter((kind, at, kinds) => kind !== kinds[at - 1])
    .join(', ');

const appDies: Plan = {
  async run(place, { method }) {
    const answer = await ask(place, 'do=die', method === 'GET' ? {} : { method, body: 'abc' });
    return { answer, facts: { after: await answersUntil200(place) } };
  },
  recorded: ({ more }) => ({ after: kindsOf(more['requestsAfter']) }),
};

const appStopsListening: Plan = {
  async run(place) {
    await ask(place, 'do=unlisten&ms=400', { method: 'POST', body: 'abc' });
    await wait(30);
    return { facts: { answers: await answersUntil200(place) } };
  },
  recorded: ({ more }) => ({ answers: kindsOf(more['answers']) }),
};

async function thirtyAtOnce(place: Place, request: Request, tag: string): Promise<Seen> {
  const bytes = request.bytes.replace('ms=300', tag.endsWith('.direct') ? 'ms=300' : 'ms=40');
  const seen = await Promise.all(
    Array.from({ length: 30 }, () => send.run(place, { ...request, bytes }, tag)),
  );
  const answers = new Map<string, number>();
  for (const { answer } of seen) {
    const kind = answer ? `${answer.status} ${answer.body.trim().replace(/^held .*/, 'held N')}` : 'none';
    answers.set(kind, (answers.get(kind) ?? 0) + 1);
  }
  const refused = seen.find(({ answer }) => answer?.status !== 200) ?? seen[0];
  return { ...refused, facts: { answers: JSON.stringify(Object.fromEntries([...answers].sort())) } };
}

const plans: Record<string, Plan> = {
  websocket: {
    async run({ url }, { bytes }) {
      const connection = await connect(url);
      await connection.write(bytes);
      await answerOn(connection, 'GET', 1000);
      const head = connection.received.length;
      await connection.write(Buffer.from('818201020304696b', 'hex'));
      await until(() => connection.received.length >= head + 8, { deadline: 1000 }).catch(() => undefined);
      const answer = parse(connection.received, 'GET', false);
      connection.destroy();
      return { answer, facts: { 'after 101': Buffer.from(answer.extra, 'latin1').toString('hex') } };
    },
    recorded: ({ more }) => ({ 'after 101': typeof more['after101'] === 'string' ? more['after101'] : '' }),
  },
  'h2-prior-knowledge': { run: overHttp2({ ':path': '/h2?x=1', te: 'trailers', cookie: ['a=1', 'b=2'] }) },
  'h2-trailers': { run: overHttp2({ ':path': '/', 'x-do': 'do=trailers', te: 'trailers' }) },
  'expect-413': upload({ size: 5_242_880, after100: true }),
  'early-413-20mb': upload({ size: 20_971_520 }),
  'early-413-20mb-close': upload({ size: 20_971_520 }),
  'early-413-20mb-destroy': upload({ size: 20_971_520 }),
  'upload-20mb': upload({ size: 20_971_520 }),
  'upload-20mb-chunked': upload({ size: 20_971_520, chunked: true }),
  'upload-paced': upload({ size: 655_360, everyMs: 20 }),
  'answer-big-50mb': {
    async run({ url }, { bytes, method }) {
      const connection = await connect(url);
      connection.pause();
      await connection.write(bytes);
      await wait(300);
      connection.resume();
      const answer = await answerOn(connection, method, 20_000);
      connection.destroy();
      return { answer };
    },
    ignore: /^app$/,
  },
  'client-aborts-waiting': goes(150),
  'client-aborts-stream': goes(250, /^(?:body|complete|header transfer-encoding)$/),
  'client-aborts-upload': goes(150),
  'client-half-close': {
    async run({ url }, { bytes, method }) {
      const connection = await connect(url);
      await connection.write(bytes);
      connection.end();
      const answer = await answerOn(connection, method, 2000);
      await wait(300);
      connection.destroy();
      return { answer };
    },
  },
  'keep-alive-reuse': {
    async run({ url }, { bytes }) {
      const connection = await connect(url);
      const lines: string[] = [];
      let answer: Answer | undefined;
      for (let n = 0; n < 5; n++) {
        const before = connection.received.length;
        await connection.write(bytes);
        await until(() => connection.closed || connection.received.length >= before + 30, { deadline: 2000 });
        await wait(20);
        const next = parse(connection.received.slice(before), 'GET', connection.closed);
        answer ??= next;
        lines.push(next.line);
      }
      connection.destroy();
      return { ...(answer ? { answer } : {}), facts: { lines: lines.join() } };
    },
    recorded: ({ more }) => ({ lines: (more['lines'] as string[]).join() }),
    ignore: /^(?:behind|app)$/,
  },
  'cc1-30-at-once': {
    run: thirtyAtOnce,
    recorded: ({ more }) => ({
      answers: JSON.stringify(
        Object.fromEntries(
          Object.entries(more['answers'] as Record<string, { count: number }>)
            .map(([kind, { count }]) => [kind, count])
            .sort(),
        ),
      ),
    }),
    ignore: /^app$/,
  },
  'cc1-queued-client-aborts': { ...queuedClientGoes, ignore: /^(?!the app saw it)/ },
  'cc1-upgrade-holds': {
    async run(place, _, tag) {
      const open = await connect(place.url);
      await open.write(websocket(tag));
      const { line } = await answerOn(open, 'GET', 1000);
      const answer = await ask(place, 'do=status', { ms: 500 });
      open.destroy();
      return { answer, facts: { upgrade: line } };
    },
    recorded: ({ more }) => ({ upgrade: String(more['upgrade']) }),
    ignore: ownHost,
  },
  'timeout5-slow-upload': slowUpload(8, { everyMs: 500 }),
  'early-413-small-slow': slowUpload(5),
  'early-413-big-slow': slowUpload(5, { patience: 500 }),
  'timeout5-websocket': silentWebsocket,
  'cc1-abort-frees-place': {
    async run(place) {
      const held = await connect(place.url);
      await held.write('GET / HTTP/1.1\r\nhost: x\r\nx-do: do=hold&ms=1500\r\n\r\n');
      await wait(150);
      held.destroy();
      await wait(50);
      const asked = performance.now();
      const answer = await ask(place, 'do=echo');
      return { answer, facts: { 'the next waited': String(performance.now() - asked > 700) } };
    },
    recorded: () => ({ 'the next waited': 'false' }),
  },
  'app-dies': appDies,
  'app-stops-listening': appStopsListening,
  'readiness-fails-later': {
    async run(place) {
      await ask(place, 'do=unready');
      const kinds: string[] = [];
      for (let n = 0; n < 40 && kinds.length < 2; n++) {
        const kind = short(await ask(place, 'do=echo', { method: 'POST', body: 'abc', ms: 8000 }));
        if (kinds.at(-1) !== kind) kinds.push(kind);
        await wait(100);
      }
      return { facts: { answers: kinds.join(', ') } };
    },
    recorded: ({ more }) => ({ answers: kindsOf(more['answers']) }),
  },
  'queued-client-aborts': queuedClientGoes,
  'cold-client-aborts': coldClientGoes,
  'cold-upload-20mb': {
    run: async (place, request, tag) => {
      const atZero = place.pids().length === 0;
      const head = `POST / HTTP/1.1\r\nHost: x\r\nx-case: ${tag}\r\nContent-Length: 20971520\r\n\r\n`;
      const seen = await upload({ size: 20_971_520 }).run(place, { ...request, method: 'POST', head }, tag);
      return { ...seen, facts: { 'was at zero': String(atZero), pods: String(place.pids().length) } };
    },
    ...(cold.recorded ? { recorded: cold.recorded } : {}),
    ignore: ownHost,
  },
  // The recording leaves out most of the headers.
  'headers-90': { ...send, ignore: /^app header x-(?:h|request)/ },
  // Here they are in work side by side.
  pipelined: { ...send, ignore: /^app target$/ },
  'cold-probe-period': { run: async (place) => ({ answer: await ask(place, 'do=echo') }) },
  cold,
};

function overHttp2(headers: http2.OutgoingHttpHeaders): Plan['run'] {
  return async ({ url }, _, tag) => {
    const session = http2.connect(url);
    try {
      return await new Promise<Seen>((resolve) => {
        const none = (): void => {
          resolve({ answer: parse('', 'GET', true) });
        };
        session.on('error', none);
        const stream = session.request({ ...headers, 'x-case': tag });
        stream.on('error', none);
        stream.on('response', (got) => {
          resolve({ answer: { ...parse('', 'GET', false), line: 'HTTP/2', status: Number(got[':status']) } });
        });
      });
    } finally {
      session.destroy();
    }
  };
}

/** The plan of a case: that of its name or of what its name begins with, else its request is sent and its answer read. */
export function planOf(name: string): Plan {
  const keys = Object.keys(plans).filter((key) => name === key || name.startsWith(`${key}-`));
  const [longest] = keys.sort((a, b) => b.length - a.length);
  // These two are other cases: idle-stream…, client-aborts-….
  return (longest === undefined ? undefined : plans[longest]) ?? send;
}

export { requestOf };
