import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localKey } from '../../../eventing/local/signing-key.ts';
import { signingKeys } from '../../../functions/shared/events/signing-keys.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kickoff-key-'));
  file = path.join(folder, 'signing.key');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each(['', 'short', 'ä'.repeat(50)])(
  'a file that holds no key is refused with the remedy, and stays: %.9s',
  (text) => {
    writeFileSync(file, text);
    expect(() => localKey(folder)).toThrow(/signing\.key .*; remove it/);
    expect(readFileSync(file, 'utf8')).toBe(text);
  },
);

test('a key is made once, for this user only, and is the same at the next start', () => {
  const { keys } = localKey(folder);
  expect(v.parse(signingKeys, keys)).toHaveLength(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = localKey(folder);
  expect(again.keys).toBe(keys);
  // Events in the queues are signed with it.
  again.undo();
  expect(localKey(folder).keys).toBe(keys);
});

test('a start that fails takes away the key that it made', () => {
  const first = localKey(folder);
  first.undo();
  expect(localKey(folder).keys).not.toBe(first.keys);
});
