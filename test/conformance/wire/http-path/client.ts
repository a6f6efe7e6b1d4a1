import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What a raw connection got, parsed as an HTTP/1.1 answer to `method`. */
export type Answer = {
  line: string;
  status: number;
  interim: string[];
  headers: [name: string, value: string][];
  body: string;
  trailers: string[];
  /** Bytes behind the answer. */
  extra: string;
  /** Its end came, by length or last chunk, or by the end of the connection where it has neither. */
  complete: boolean;
  closed: boolean;
};

export type Connection = {
  readonly received: string;
  /** The server has ended its side. */
  readonly closed: boolean;
  /** Nothing more can be sent. */
  readonly broken: boolean;
  write(bytes: string | Buffer): Promise<void>;
  /** Ends our side only. */
  end(): void;
  destroy(): void;
  pause(): void;
  resume(): void;
};

/** A raw connection to the front door. What it got is Latin-1 text; text is written as UTF-8, as the recording's client did. */
export async function connect(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const chunks: string[] = [];
  let closed = false;
  let broken = false;
  const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.on('end', () => (closed = true));
  socket.on('close', () => (closed = broken = true));
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    get received() {
      if (chunks.length > 1) chunks.splice(0, Infinity, chunks.join(''));
      return chunks[0] ?? '';
    },
    get closed() {
      return closed;
    },
    get broken() {
      return broken;
    },
    async write(bytes) {
      const flowing = socket.write(bytes);
      if (!flowing && !socket.destroyed)
        await new Promise<void>((resolve) => {
          const done = (): void => {
            socket.off('drain', done).off('close', done);
            resolve();
          };
          socket.on('drain', done).on('close', done);
        });
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

/** Waits until the answer is complete or the connection has ended, at most `ms`; then a little for what comes behind it. */
export async function answerOn(connection: Connection, method: string, ms = 8000): Promise<Answer> {
  const end = performance.now() + ms;
  let parsed = -1;
  for (let step = 1; performance.now() < end && !connection.closed; step = Math.min(20, step * 2)) {
    const { length } = connection.received;
    // What grows is not parsed yet: some of it is long.
    if (length === parsed || length < 65_536) if (parse(connection.received, method, false).complete) break;
    parsed = length;
    await wait(step);
  }
  await wait(30);
  return parse(connection.received, method, connection.closed);
}

/** Parses what came on a connection. */
export function parse(text: string, method: string, closed: boolean): Answer {
  const interim: string[] = [];
  let rest = text;
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0)
      return {
        line: '',
        status: 0,
        interim,
        headers: [],
        body: '',
        trailers: [],
        extra: rest,
        complete: false,
        closed,
      };
    const [line = '', ...lines] = rest.slice(0, headEnd).split('\r\n');
    rest = rest.slice(headEnd + 4);
    const status = Number(line.split(' ')[1]);
    if (status < 200 && status !== 101) {
      interim.push(line);
      continue;
    }
    const headers = lines.map((each): [string, string] => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()];
    });
    const value = (name: string): string | undefined => headers.find(([each]) => each === name)?.[1];
    const head = { line, status, interim, headers, closed };
    const length = value('content-length');
    if (method === 'HEAD' || status === 204 || status === 304 || status === 101)
      return { ...head, body: '', trailers: [], extra: rest, complete: true };
    if (value('transfer-encoding') === 'chunked') return { ...head, ...unchunk(rest) };
    if (length === undefined) return { ...head, body: rest, trailers: [], extra: '', complete: closed };
    const body = rest.slice(0, Number(length));
    const complete = body.length === Number(length);
    return { ...head, body, trailers: [], extra: rest.slice(body.length), complete };
  }
}

function unchunk(text: string): Pick<Answer, 'body' | 'trailers' | 'extra' | 'complete'> {
  const body: string[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = lineEnd < 0 ? NaN : parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return { body: body.join(''), trailers: [], extra: '', complete: false };
    at = lineEnd + 2;
    if (size === 0) break;
    body.push(text.slice(at, at + size));
    if (text.length < at + size + 2) return { body: body.join(''), trailers: [], extra: '', complete: false };
    at += size + 2;
  }
  if (text.startsWith('\r\n', at))
    return { body: body.join(''), trailers: [], extra: text.slice(at + 2), complete: true };
  const end = text.indexOf('\r\n\r\n', at);
  if (end < 0) return { body: body.join(''), trailers: [], extra: '', complete: false };
  return {
    body: body.join(''),
    trailers: text.slice(at, end).split('\r\n'),
    extra: text.slice(end + 4),
    complete: true,
  };
}
