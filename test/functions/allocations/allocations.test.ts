import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { expect, test } from 'vitest';

const bytes = v.number();
const Allocated = v.object({ miss: bytes, missInList: bytes, hit: bytes, hitInList: bytes });

// All three functions, and the test's own request and answer: what is collected later is paid for in CPU. A fifth above what was measured (Node 24).
test('what a request allocates stays within its budget', { timeout: 60_000 }, async () => {
  const child = path.join(import.meta.dirname, 'child.ts');
  const flags = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, child]);
  const allocated = v.parse(Allocated, JSON.parse(stdout));
  console.log(allocated);
  expect(allocated.miss).toBeLessThan(250_000);
  expect(allocated.missInList).toBeLessThan(27_000);
  expect(allocated.hit).toBeLessThan(42_000);
  expect(allocated.hitInList).toBeLessThan(3_800);
});
