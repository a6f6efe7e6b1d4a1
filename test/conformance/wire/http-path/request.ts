import type { Recorded } from './recorded.ts';

/** Requests that the recording cuts too short to tell their rest: the line that begins so, whole. */
const whole: Record<string, string> = {
  'answer-set-cookie-twice':
    'do=status&body=ok&headers=["Set-Cookie","a=1; Path=/","set-cookie","b=2","X-Dup","1","x-dup","2","Vary","a","vary","b","Content-Type","text/plain","Content-Length","2"]',
  'answer-own-server-date':
    'do=status&body=ok&headers=["Server","mine/1","Date","Thu, 01 Jan 1970 00:00:00 GMT","Via","1.1 me","X-Envoy-Upstream-Service-Time","77","X-Request-Id","mine","Content-Length","2"]',
  'answer-hop-by-hop':
    'do=status&body=ok&headers=["Connection","X-Hop","X-Hop","1","Keep-Alive","timeout=99","Proxy-Authenticate","Basic","Upgrade","h2c","Content-Length","2"]',
  'answer-long-header': `do=raw&end=1&bytes=${encodeURIComponent(
    Buffer.from(`HTTP/1.1 200 OK\r\nX-Long: ${'a'.repeat(9000)}\r\nContent-Length: 2\r\n\r\nok`).toString(
      'base64',
    ),
  )}`,
};

/** Times of the app, shortened where the recording waited for them. */
const shortened: Record<string, string> = {
  'answer-sse': 'do=drip&head=0&first=60&every=100&n=3&type=text/event-stream',
  'answer-head-early': 'do=drip&head=0&first=300&n=1&every=10',
  'envoy-timeout-header': 'do=hold&ms=400',
  'response-start-3-drip': 'do=drip&first=200&every=100&n=5',
  'timeout5-length': 'do=hold&ms=2000',
  // The recording's last piece comes with the time-out; here it would come after.
  'timeout5-drip': 'do=drip&first=500&every=900&n=20',
  'timeout5-head-only': 'do=drip&head=400&first=60000&n=1',
};

export type Request = { method: string; head: string; bytes: string };

/** The bytes of a recorded request, as Latin-1 text; `head` ends with the blank line. `tag` is what the app notes its events under. */
export function requestOf(recorded: Recorded, tag: string): Request {
  let lines = recorded.request.filter((line) => !/^\([^)]*\)$/.test(line)).map(uncut);
  const [first = ''] = lines;
  if (/^headers-/.test(recorded.case)) lines = [...lines.slice(0, 3), ...many(recorded.case), '', ''];
  else if (lines.length === 1 && !first.includes('\n')) lines.push('', '');
  else if (!lines.includes('') && !first.includes('\n')) lines.push('', '');
  const does = whole[recorded.case] ?? shortened[recorded.case];
  lines = lines.map((line) => {
    if (/^x-case:/i.test(line)) return `x-case: ${tag}`;
    if (/^x-do:/i.test(line) && does !== undefined) return `x-do: ${does}`;
    return line.replace(/\nx-case: \S+/, `\nx-case: ${tag}`);
  });
  if (!lines.some((line) => line.includes('x-case:')) && first.includes(' HTTP/'))
    lines.splice(1, 0, `x-case: ${tag}`);
  if (recorded.case !== 'host-none' && lines.length > 1 && !lines.some((line) => /^host:/i.test(line)))
    lines.splice(1, 0, 'Host: x');
  const bytes = lines.join('\r\n');
  const end = bytes.indexOf('\r\n\r\n');
  return { method: first.split(' ')[0] ?? '', head: bytes.slice(0, end + 4), bytes };
}

/** A line that the recording cut, whole again: it went on with the last character. */
function uncut(line: string): string {
  const [, begin, length] = /^(.*)… \((\d+) bytes\)$/s.exec(line) ?? [];
  if (begin === undefined) return line;
  const end = begin.startsWith('GET ') ? ' HTTP/1.1' : '';
  return begin.padEnd(Number(length) - end.length, begin.at(-1)) + end;
}

function many(name: string): string[] {
  const count = Number(name.slice('headers-'.length));
  const headers = Array.from({ length: count }, (_, n) => `x-h${n}: ${n}`);
  return count > 100 ? headers : [...headers, 'x-do: do=status&body=ok'];
}
