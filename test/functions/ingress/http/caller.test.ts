import { expect, test } from 'vitest';
import { callerOf } from '../../../../functions/ingress/src/http/caller.ts';

const caller = (headers: Record<string, string>): string => callerOf(new Headers(headers));

test('whoever forges a header without credentials or an address is nobody else', () => {
  expect(caller({ 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' })).toBe(caller({}));
  // The text of an address is no address, and no credential.
  expect(caller({ authorization: '192.0.2.1' })).not.toBe(caller({ 'x-real-ip': '192.0.2.1' }));
});

test('a caller is its credentials wherever it asks from, else its address; nothing of either is kept', () => {
  const one = caller({ authorization: 'Bearer secret', 'x-real-ip': '192.0.2.1' });
  expect(caller({ authorization: 'Bearer secret', 'x-real-ip': '192.0.2.2' })).toBe(one);
  const callers = [
    {},
    { 'x-real-ip': '192.0.2.1' },
    { 'x-real-ip': '192.0.2.2' },
    { authorization: 'Bearer x' },
  ];
  expect(new Set([one, ...callers.map(caller)]).size).toBe(5);
  expect(one).not.toContain('secret');
});
