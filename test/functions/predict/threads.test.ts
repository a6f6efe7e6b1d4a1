import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { inferenceThreads } from '../../../functions/predict/src/threads.ts';

test.each([
  ['nothing', {}, 8],
  ['v2 without a quota', { 'cpu.max': 'max 100000' }, 8],
  ['v2, half a CPU', { 'cpu.max': '50000 100000' }, 1],
  ['v2, two and a half', { 'cpu.max': '250000 100000' }, 2],
  ['v2, more than there are', { 'cpu.max': '6400000 100000' }, 8],
  ['v1 without a quota', { 'cpu/cpu.cfs_quota_us': '-1', 'cpu/cpu.cfs_period_us': '100000' }, 8],
  ['v1, three', { 'cpu/cpu.cfs_quota_us': '300000', 'cpu/cpu.cfs_period_us': '100000' }, 3],
])('threads by the cgroup: %s', (_, files, threads) => {
  const root = mkdtempSync(path.join(tmpdir(), 'kickoff-cgroup-'));
  mkdirSync(path.join(root, 'cpu'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, name), `${text}\n`);
  expect(inferenceThreads(root, 8)).toBe(threads);
  rmSync(root, { recursive: true });
});
