import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

// Without `malloc_trim` all stays, which a change in Node's SQLite could bring about unseen.
test('what malloc holds between buffers that are kept goes back to the system', async () => {
  const child = path.join(import.meta.dirname, 'release-memory-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child]);
  expect(stdout).toBe('300 buffers are kept\n');
});
