import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import {
  binaryMessage,
  type Event,
  readEvent,
  structuredMessage,
} from '../../../../functions/shared/events/cloudevents.ts';
import { signedEvent, verify } from '../../../../functions/shared/events/signature.ts';
import { signingKeys } from '../../../../functions/shared/events/signing-keys.ts';
import { keysOf, newKey } from '../../../signing.ts';

const [first, second, third] = [newKey(), newKey(), newKey()];
const keys = keysOf(first);
const draft = {
  id: '1',
  source: '/kickoff/test',
  type: 'test',
  extensions: { sweep: 'next', traceparent: '00-a-b-01' },
  data: { text: 'größe €😀', list: [1, 0.1, null, { b: 1, a: 2 }], line: 'a\nb' },
};
const event = signedEvent(draft, keys);

const read = ({ headers, body }: { headers: Record<string, string>; body: string }): Promise<Event> =>
  readEvent(new Request('http://x/', { method: 'POST', headers, body }));

const altered = (changes: Record<string, unknown>): Event => event.cloneWith(changes, false);

describe('an event is not ours', () => {
  test('without a signature', () => {
    expect(verify(altered({ signature: undefined }), keys)).toBe('unsigned');
  });

  test.each([
    ['its id', { id: '2' }],
    ['its source', { source: '/kickoff/other' }],
    ['its type', { type: 'other' }],
    ['the mark of the sweep', { sweep: 'other' }],
    ['the mark of the sweep left out', { sweep: undefined }],
    ['a mark of the challenger', { shadow: 'wanted' }],
    ['its data', { data: { ...draft.data, text: 'other' } }],
    ['no data', { data: undefined }],
  ])('under the signature of another: %s', (_, changes) => {
    expect(verify(altered(changes), keys)).toBe('mismatch');
  });

  test('with what follows the head moved into it', () => {
    const bare = signedEvent({ ...draft, extensions: {}, data: [1] }, keys);
    const moved = bare.cloneWith({ shadow: '\n[1]', data: undefined });
    expect(verify(moved, keys)).toBe('mismatch');
  });

  test.each(['', 'v1', 'v1.abcdef', `v2${event['signature'] as string}`, 'v1.abcdef.x', 'x'.repeat(10_000)])(
    'with a signature that is none: %.20s',
    (signature) => {
      expect(verify(event.cloneWith({ signature }), keys)).toBe('mismatch');
    },
  );

  test('signed by a key that is not ours', () => {
    expect(verify(signedEvent(draft, keysOf(third)), keysOf(first, second))).toBe('unknown-key');
  });

  test('signed by another key under the id of ours', () => {
    const other = signedEvent(draft, keysOf(third))['signature'] as string;
    const forged = other.replace(keysOf(third)[0].id, keys[0].id);
    expect(verify(event.cloneWith({ signature: forged }), keys)).toBe('mismatch');
  });
});

test.each([
  ['binary', binaryMessage],
  ['structured', structuredMessage],
])('a signed event is ours after it went in %s mode', async (_, message) => {
  const arrived = await read(message(event));
  expect(arrived.data).toEqual(draft.data);
  expect(verify(arrived, keys)).toBe('ours');
  // And a hop further, in the other mode.
  expect(verify(await read(structuredMessage(arrived)), keys)).toBe('ours');
  expect(verify(await read(binaryMessage(arrived)), keys)).toBe('ours');
});

test('while two keys are valid, what either has signed is ours, and the first signs', () => {
  const both = keysOf(first, second);
  expect(verify(event, both)).toBe('ours');
  expect(verify(signedEvent(draft, keysOf(second)), both)).toBe('ours');
  expect(verify(signedEvent(draft, both), keys)).toBe('ours');
});

describe('keys are refused', () => {
  test.each([
    ['none', '', /one or two keys.*0/],
    ['three', [first, second, third].join(' '), /one or two keys.*3/],
    ['one that is short', `${first} ${'a'.repeat(42)}`, /key 2 has 42 characters.*43.*openssl rand/],
    ['one of other characters', 'ä'.repeat(43), /key 1 has characters/],
    ['the same twice', `${first} ${first}`, /the same/],
  ])('%s', (_, text, fault) => {
    const { issues } = v.safeParse(signingKeys, text);
    expect(issues?.[0].message).toMatch(fault);
    expect(issues?.[0].message).not.toContain(first);
  });
});

test('keys are taken in hexadecimal and in base64 of either alphabet, apart by any blanks', () => {
  const bytes = randomBytes(32);
  const given = ` ${bytes.toString('hex')}\n\t${bytes.toString('base64')} `;
  expect(v.parse(signingKeys, given)).toHaveLength(2);
});
