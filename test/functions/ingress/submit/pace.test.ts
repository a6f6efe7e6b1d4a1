import { expect, test } from 'vitest';
import { createPace } from '../../../../functions/ingress/src/submit/pace.ts';

test('before anything is measured the next event is held for 10 ms', () => {
  expect(createPace().within()).toBe(10);
});

test('steady events are held for as long as one takes', () => {
  const pace = createPace();
  for (let n = 0; n < 50; n++) pace.took(44);
  expect(pace.within()).toBeCloseTo(44, 0);
});

test('the first measurement gives room for three times it, as in RFC 6298', () => {
  const pace = createPace();
  pace.took(40);
  expect(pace.within()).toBe(120);
});

test('one cold chain or one lost event does not hold the next for minutes', () => {
  const pace = createPace();
  pace.took(3_600_000);
  expect(pace.within()).toBe(3 * pace.most);
  for (let n = 0; n < 80; n++) pace.took(20);
  expect(pace.within()).toBeLessThan(25);
});
