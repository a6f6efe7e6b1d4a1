import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { python } from '../needs.ts';

const here = import.meta.dirname;
const need = await python('model/requirements-dev.txt');

test.skipIf('missing' in need)(
  'the Python tests of the model pass',
  () => {
    if ('missing' in need) return;
    const arguments_ = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', here];
    const run = spawnSync(need.path, arguments_, {
      cwd: path.resolve(here, '../..'),
      encoding: 'utf8',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      timeout: 580_000,
    });
    expect(run.status, run.stdout + run.stderr).toBe(0);
  },
  600_000,
);
