import fc from 'fast-check';

/** A text that repeats a piece, as what holds up a careless reader does: super-linear patterns, recursion, a fault for each element. */
export type Pump = { prefix: string; piece: string; suffix: string };

const pumps = (prefixes: readonly string[], pieces: readonly string[], suffixes: readonly string[]) =>
  fc.record<Pump>({
    prefix: fc.constantFrom(...prefixes),
    piece: fc.oneof(
      fc.constantFrom(...pieces),
      fc.tuple(fc.constantFrom(...pieces), fc.constantFrom(...pieces)).map((two) => two.join('')),
    ),
    suffix: fc.constantFrom(...suffixes),
  });

/** The text of about `size` characters; `#` in the piece is another number each time. */
export function pumped({ prefix, piece, suffix }: Pump, size: number): string {
  if (!piece.includes('#')) return prefix + piece.repeat(Math.ceil(size / piece.length)) + suffix;
  const parts = piece.split('#');
  let [text, n] = [prefix, 0];
  while (text.length < size) {
    text += parts[0] ?? '';
    for (const part of parts.slice(1)) text += (n++).toString(36) + part;
  }
  return text + suffix;
}

/** Values of headers, queries and paths. */
export const texts = pumps(
  ['', 'a', 'a=', 'wait=', 'a="', '00-', 'W/"', 'br', 'br;', 'application/json;', '/'],
  [
    ' ',
    '\t',
    'a',
    'a ',
    ',',
    ', ',
    ';',
    '=',
    '"',
    '\\',
    '\\"',
    'a=',
    ';q=0',
    'br',
    '0',
    '.',
    '-',
    '/',
    '%41',
    'é',
    'a,',
    '#',
  ],
  ['', 'x', '""x', '"', ';', '=', ',', ' x'],
);

/** Names of teams: `#` makes each another one. */
export const names = pumps(
  ['', 'Arsenal', 'Real ', 'é'],
  ['a', 'ab', 'arsenal ', ' ', 'é', 'e\u0301', 'ß', 'ǅ', '각', '😀', '.', 'a.', '\u0301', 'united '],
  ['', 'x'],
);

/** JSON, some of it broken. */
export const json = pumps(
  [
    ...[
      '',
      '[',
      '{"a":',
      '{"home":"Arsenal","away":',
      '{"fixtures":[',
      '{"fixtures":[{',
      '{"fixtures":[{"home":"',
    ],
    ...[
      '{"dataframe_split":{"columns":["home","away"],"data":[',
      '{"dataframe_records":[',
      '{"inputs":{"home":[',
    ],
    ...['{"inputs":[', '{"inputs":[{"name":"home","shape":[1],"datatype":"BYTES","data":['],
    ...['{"inputs":[],"outputs":[', '{"specversion":"1.0","id":"1","source":"/s","type":"t",'],
    ...['{"specversion":"1.0","id":"', '{"specversion":"1.0","id":"1","type":"t","source":"'],
    ...['{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"', '[{"specversion":"1.0","id":"1",'],
    ...['{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"requests":['],
  ],
  [
    ...[
      '[',
      '[[],',
      '{"a":',
      '{"#":',
      '"#":1,',
      '"a":1,',
      '"#":{"#":1},',
      '1,',
      '{},',
      '[],',
      '[1],',
      '{"a":1},',
      '{"#":1},',
    ],
    ...[
      '"a",',
      '"",',
      'null,',
      '1e400,',
      '1',
      '-',
      'a',
      '\\u0061',
      '\\\\',
      '\\"',
      '"',
      ' ',
      '\n',
      '%',
      '/',
      ':',
      'é',
      '😀',
      ',',
    ],
    ...['{"home":"a","away":"b"},', '{"home":"Arsenal","away":"Chelsea"},', '{"home":"#","away":"b"},'],
  ],
  ['', '1', '"'],
);

/** The text with what is open in it closed, so that it is JSON where it can be. */
export function closed(text: string): string {
  const open: string[] = [];
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '[') open.push(']');
    else if (character === '{') open.push('}');
    else if (character === ']' || character === '}') open.pop();
  }
  return `${quoted ? `${text}"` : text.replace(/,$/, '')}${open.reverse().join('')}`;
}
