import { describe, expect, test } from 'vitest';
import { bodyBounds, parseJson } from '../../../../functions/ingress/src/http/parse-json.ts';
import { Problem } from '../../../../functions/shared/http/problem.ts';

const refusal = (text: string) => {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof Problem) return [error.status, ...error.faults.map(({ pointer }) => pointer)];
  }
  return undefined;
};
const { depth, entries, values } = bodyBounds;
const ones = (count: number): string => Array.from({ length: count }, () => '1').join(',');
const members = (count: number): string => Array.from({ length: count }, (_, n) => `"${n}":1`).join(',');
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const lists = (count: number): string => Array.from({ length: count }, () => `[${ones(98)}]`).join(',');

describe('a body is refused', () => {
  test.each([
    ['no JSON', '{"a":1', [400]],
    ['no JSON, long', ones(entries + 1), [400]],
    ['closed too often', `${']'.repeat(2000)}${',1'.repeat(2000)}`, [400]],
    ['a string without an end', '{"a', [400]],
    ['empty', '', [400]],
    ['a name twice', '{"a":1,"b":{},"a":2}', [400, '/a']],
    ['a name twice with the same value', '{"a":1,"a":1}', [400, '/a']],
    ['a name twice, once in escapes', '{"a/b":1,"\\u0061\\/b":2}', [400, '/a~1b']],
    ['a name that an object inherits, twice', '{"__proto__":1,"__proto__":2}', [400, '/__proto__']],
    ['a number as a name, twice', '{"1":{"x":1},"1":2}', [400, '/1']],
    [
      'a name twice, further in',
      '{"fixtures":[{"home":"a"},{"away":"b","home":[{}],"away":"c"}]}',
      [400, '/fixtures/1/away'],
    ],
    ['too deep', nested(depth + 1), [422, '/0'.repeat(depth)]],
    ['an array that is too long', `{"a":[[],[${ones(entries + 1)}]]}`, [422, '/a/1']],
    ['too many members', `{${members(entries + 1)}}`, [422, '']],
    ['too many values', `[${lists(values / 98)}]`, [422, '']],
  ])('%s', (_, text, wanted) => {
    expect(refusal(text)).toEqual(wanted);
  });
});

test.each([
  '7',
  ' null ',
  '{"__proto__":1}',
  '{"a":"\\"a\\":1,\\"a\\":2","b\\\\":"{[,:","c":"\\\\"}',
  '{"a":{"x":1},"b":{"x":1},"2":[{"x":1},{"x":1}],"1":[]}',
  '{"a" \n: 1, "":{} }',
  nested(depth),
  `[${ones(entries)}]`,
  `{${members(entries)}}`,
  `[${lists(values / 100)}]`,
])('and any other is what JSON.parse makes of it: %.60s', (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});
