import http2 from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../../until.ts';
import { type Answer, answerOn, connect, parse } from './client.ts';
import type { Facts } from './facts.ts';
import type { AppEvent, Recorded } from './recorded.ts';
import type { Request } from './request.ts';

/** Where a case is replayed. */
export type Place = {
  readonly url: string;
  readonly pids: () => number[];
  /** What the app saw under this tag. */
  events(tag: string): AppEvent[];
};

type Seen = { answer?: Answer; facts?: Facts };

/** How a case is replayed, and what the recording says of it beyond answer and app. */
export type Plan = {
  run: (place: Place, request: Request, tag: string) => Promise<Seen>;
  recorded?: (recorded: Recorded) => Facts;
  /** The facts of the answer, or of the app, say nothing here: the recording has other times, or has none. */
  ignore?: RegExp;
};

export const send: Plan = {
  async run({ url }, { bytes, method }) {
    const connection = await connect(url);
    await connection.write(bytes);
    const answer = await answerOn(connection, method);
    connection.destroy();
    return { answer };
  },
};

/** Asks once more, apart from the case: `does` is what the app is to do. */
export async function ask(
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

export const short = ({ status, body }: { status: number; body: string }): string =>
  status === 200 ? '200' : `${status} ${body.trim()}`;

/** The client goes after so many ms. */
export function goes(after: number, ignore?: RegExp): Plan {
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
export const ownHost = /^app header host$/;

const all = (recorded: Recorded): Facts => ({ 'client sent all': String(recorded.more['wroteAll']) });

/** A body in pieces, after the head. */
export function upload({
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
export function slowUpload(pieces: number, { everyMs = 100, patience = 3000 } = {}): Plan {
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
export const silentWebsocket: Plan = {
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

export function websocket(tag: string): string {
  return `GET /ws HTTP/1.1\r\nHost: x\r\nx-case: ${tag}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
}

/** The place is taken for 600 ms; a second request waits in the queue and its client goes. */
export const queuedClientGoes: Plan = {
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

export const coldClientGoes: Plan = {
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
export const cold: Plan = {
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
export const kindsOf = (answers: unknown): string =>
  (answers as Timed)
    .map(short)
    .filter((kind, at, kinds) => kind !== kinds[at - 1])
    .join(', ');

export const appDies: Plan = {
  async run(place, { method }) {
    const answer = await ask(place, 'do=die', method === 'GET' ? {} : { method, body: 'abc' });
    return { answer, facts: { after: await answersUntil200(place) } };
  },
  recorded: ({ more }) => ({ after: kindsOf(more['requestsAfter']) }),
};

export const appStopsListening: Plan = {
  async run(place) {
    await ask(place, 'do=unlisten&ms=400', { method: 'POST', body: 'abc' });
    await wait(30);
    return { facts: { answers: await answersUntil200(place) } };
  },
  recorded: ({ more }) => ({ answers: kindsOf(more['answers']) }),
};

export async function thirtyAtOnce(place: Place, request: Request, tag: string): Promise<Seen> {
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

export function overHttp2(headers: http2.OutgoingHttpHeaders): Plan['run'] {
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
