import type { Answer } from './client.ts';
import { parse } from './client.ts';
import type { AppEvent, Recorded } from './recorded.ts';

/** What was seen, as names and values that can be compared one by one. */
export type Facts = Record<string, string>;

/**
 * Headers that each server or gateway writes as it likes, or that differ each time. `connection: keep-alive` and `keep-alive` are about one hop:
 * only `close` is compared.
 */
const free = new Set([
  'date',
  'server',
  'x-envoy-upstream-service-time',
  'x-request-id',
  'keep-alive',
  'x-case',
  'x-do',
]);
/** Envoy and the activator of the recording, and what stands for both here. */
const hops = /\b10\.78\.0\.(?:21|98)\b|\b127\.0\.0\.1\b/g;
const uuid = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;

/** The headers by lower-case name. Lines of one name are one list (RFC 9110 §5.3), its blanks do not count. */
function headerFacts(prefix: string, headers: readonly (readonly [string, string])[]): Facts {
  const facts: Facts = {};
  for (const [given, value] of headers) {
    const name = given.toLowerCase();
    if (free.has(name) && !(prefix === 'app header' && name === 'x-request-id')) continue;
    if (name === 'connection' && value.toLowerCase() === 'keep-alive') continue;
    const key = `${prefix} ${name}`;
    const plain = cut(value.replace(hops, '(hop)').replace(uuid, '(id)').replace(/,\s+/g, ','));
    facts[key] = facts[key] === undefined ? plain : `${facts[key]},${plain}`;
  }
  return facts;
}

/** Long texts are cut in the recording, and say their length. */
function cut(text: string): string {
  const recorded = /^(.*?)… \((\d+) bytes\)$/s.exec(text);
  const [, begin = text, length = String(text.length)] = recorded ?? [];
  return Number(length) > 100 ? `${begin.slice(0, 60)}… (${length} bytes)` : text;
}

function bodyFact(body: string): string {
  if (body.startsWith('{"method":')) return '(echo)';
  return cut(body.replace(/held \d+/g, 'held N').replace(/data: \d+/g, 'data: T'));
}

const reasonOf = (line: string): string => line.split(' ').slice(2).join(' ');

/** What the client got. */
export function answerFacts(answer: Omit<Answer, 'trailers'>): Facts {
  const { line, status, interim, headers, body, complete, closed, extra } = answer;
  const more = status === 101 ? '' : extra;
  // How an empty body is framed tells nothing.
  const framing = body === '' ? /^(?:content-length 0|transfer-encoding chunked)$/ : /^$/;
  const facts: Facts = {
    status: status === 0 ? 'none' : String(status),
    reason: reasonOf(line),
    interim: interim.join(),
    ...headerFacts(
      'header',
      headers.filter(([name, value]) => !framing.test(`${name} ${value}`)),
    ),
    body: status === 101 ? '' : bodyFact(body),
    complete: complete ? 'yes' : closed ? 'no: closed' : 'no',
  };
  if (more === '') return facts;
  const next = parse(more, 'GET', closed);
  return { ...facts, behind: next.status === 0 ? more : `${next.status} ${bodyFact(next.body)}` };
}

/** What the app saw: its events, whatever their order, and the first request with its body. */
export function appFacts(events: readonly AppEvent[]): Facts {
  const names = events
    .filter(({ event }) => event !== 'sent')
    .map(({ event, finished, error }) =>
      [
        event,
        ...(finished === undefined ? [] : [finished ? 'whole' : 'cut']),
        ...(error ? [error] : []),
      ].join(' '),
    )
    .sort();
  const counted = new Map<string, number>();
  for (const name of names) counted.set(name, (counted.get(name) ?? 0) + 1);
  const facts: Facts = {
    app: [...counted].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(', '),
  };
  const first = events.find(({ rawHeaders }) => rawHeaders);
  if (first?.rawHeaders) {
    const raw = first.rawHeaders;
    if (raw.at(-1)?.startsWith('…')) raw.pop();
    else {
      const pairs = raw.flatMap((name, place) =>
        place % 2 === 0 ? [[name, raw[place + 1] ?? ''] as const] : [],
      );
      Object.assign(facts, headerFacts('app header', pairs));
    }
    facts['app target'] = cut(
      `${first.method ?? ''} ${first.url ?? ''}`.replace(
        /^(.*)… \((\d+) bytes\)$/s,
        (_, begin: string, length: string) =>
          `${begin}… (${Number(length) + (first.method ?? '').length + 1} bytes)`,
      ),
    );
  }
  const body = events.find(({ event }) => event === 'body');
  if (body)
    facts['app body'] =
      `${body.length ?? 0} bytes, ${body.sha ?? ''}, trailers ${(body.trailers ?? []).join()}`;
  return facts;
}

/** A header line; where it was cut, its length is that of the line. */
function header(line: string): [string, string] {
  const colon = line.indexOf(':');
  const value = line.slice(colon + 1).trim();
  const begin = colon + 2;
  return [
    line.slice(0, colon),
    value.replace(/\((\d+) bytes\)$/, (_, length: string) => `(${Number(length) - begin} bytes)`),
  ];
}

/** What was recorded, as the direct path shows it where the recording has only the activator's: it adds a header, an address and a `for=`. */
export function recordedFacts(recorded: Recorded, path: 'activator' | 'direct'): Facts {
  const { response, app } = recorded;
  const facts: Facts = {};
  if (response && (response.line !== '' || !response.complete))
    Object.assign(
      facts,
      answerFacts({
        ...response,
        status: response.status ?? 0,
        interim: response.interim.map((lines) => lines[0] ?? ''),
        headers: response.headers.filter((line) => !line.startsWith(':')).map((line) => header(line)),
        closed: response.end === 'server closed',
      }),
    );
  else if (response?.status !== undefined) facts['status'] = String(response.status);
  if (app) Object.assign(facts, appFacts(app));
  if (recorded.path !== 'both' || path === 'activator') return facts;
  delete facts['app header k-proxy-request'];
  for (const name of ['app header x-forwarded-for', 'app header forwarded'])
    facts[name] &&= facts[name].replace(/,(?:for=)?\(hop\)$/, '').replace(/^for=\(hop\);/, '');
  return facts;
}
