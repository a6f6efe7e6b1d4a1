import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { expect, test } from 'vitest';

const MiB = v.number();
const Sizes = v.object({ loaded: MiB, released: MiB });

// Of 120 MiB, 6 are kept, every 20th buffer. Without `malloc_trim` all stays, which a change in Node's SQLite could bring about unseen.
test('what malloc holds between buffers that are kept goes back to the system', async () => {
  const child = path.join(import.meta.dirname, 'release-memory-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child]);
  const { loaded, released } = v.parse(Sizes, JSON.parse(stdout));
  expect(loaded - released).toBeGreaterThan(90);
});
