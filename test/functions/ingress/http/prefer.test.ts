import { expect, test } from 'vitest';
import { longestPrefer, readPrefer } from '../../../../functions/ingress/src/http/prefer.ts';

test.each([
  [null, 10_000, undefined],
  ['', 10_000, undefined],
  ['wait=soon', 10_000, undefined],
  ['wait=-1', 10_000, undefined],
  ['wait=1.5', 10_000, undefined],
  ['respond-async=no', 10_000, undefined],
  ['return=minimal; a=b', 10_000, undefined],
  ['wait="5', 10_000, undefined],
  ['wait=5=6', 10_000, undefined],
  ['wait="5;6"', 10_000, undefined],
  ['a="respond-async, wait=5"', 10_000, undefined],
  ['a="\\", wait=5"', 10_000, undefined],
  [';,=,"', 10_000, undefined],
  [`a=${' '.repeat(500)}""x`, 10_000, undefined],
  [`wait=5,${' '.repeat(longestPrefer)}`, 10_000, undefined],
  [`wait=5,${' '.repeat(longestPrefer - 7)}`, 5000, 'wait=5'],
  ['a="x, y" ; b, wait = "5"', 5000, 'wait=5'],
  ['wait=5', 5000, 'wait=5'],
  ['wait="5"', 5000, 'wait=5'],
  ['WAIT=0', 0, 'wait=0'],
  ['wait=100', 60_000, 'wait=60'],
  ['wait=5, wait=7', 5000, 'wait=5'],
  ['respond-async', 0, 'respond-async'],
  ['respond-async, wait=2', 2000, 'respond-async, wait=2'],
  ['foo; bar=1, Respond-Async', 0, 'respond-async'],
])('Prefer: %s waits %i ms and applies %s', (header, waitMs, applied) => {
  expect(readPrefer(header, 10_000)).toMatchObject({ waitMs, applied });
});
