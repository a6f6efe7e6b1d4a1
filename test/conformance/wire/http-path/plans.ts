import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../../until.ts';
import { type Answer, answerOn, connect, parse } from './client.ts';
import {
  type Plan,
  appDies,
  appStopsListening,
  ask,
  cold,
  coldClientGoes,
  goes,
  kindsOf,
  overHttp2,
  ownHost,
  queuedClientGoes,
  send,
  short,
  silentWebsocket,
  slowUpload,
  thirtyAtOnce,
  upload,
  websocket,
} from './steps.ts';

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

/** The plan of a case: that of its name or of what its name begins with, else its request is sent and its answer read. */
export function planOf(name: string): Plan {
  const keys = Object.keys(plans).filter((key) => name === key || name.startsWith(`${key}-`));
  const [longest] = keys.sort((a, b) => b.length - a.length);
  // These two are other cases: idle-stream…, client-aborts-….
  return (longest === undefined ? undefined : plans[longest]) ?? send;
}
