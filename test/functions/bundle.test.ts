import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stop } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { bundleRevision, functionNames } from '../../functions/bundle.ts';

const functions = path.resolve(import.meta.dirname, '../../functions');
afterAll(stop);

/** The files that an entry loads, with `lazy` also those that it may load later. */
function filesOf(entry: string, lazy: boolean): string[] {
  const found = [entry];
  const imported = lazy ? /(?:from|import)\s*\(?"(\.\/[^"]+)"/g : /(?:from|import)\s*"(\.\/[^"]+)"/g;
  for (const file of found)
    for (const [, other = ''] of readFileSync(file, 'utf8').matchAll(imported)) {
      const full = path.join(path.dirname(entry), other);
      if (!found.includes(full)) found.push(full);
    }
  return found;
}

const kilobytes = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + readFileSync(file).length, 0) / 1000;

// In kB, a tenth above what it was: what is beyond makes each cold start longer, and wants a reason. So does what is imported before it is ready of
// Node's modules in functions/shared/builtins.ts.
const budgets: Record<string, { start: number; all: number; imports: string[] }> = {
  'cache-write': { start: 30, all: 420, imports: [] },
  // By uuid, of which cloudevents is made.
  ingress: { start: 190, all: 610, imports: ['crypto'] },
  // With the clients of both stores, which only a start with a refused version loads.
  predict: { start: 50, all: 450, imports: [] },
};

test('each function has a budget', () => {
  expect(Object.keys(budgets).sort()).toEqual(functionNames());
});

describe.each(Object.entries(budgets))('the bundle of %s', (name, { start, all, imports }) => {
  test(`loads at most ${start} kB before it is ready, and is at most ${all} kB`, async () => {
    const entry = await bundleRevision(path.join(functions, name));
    const first = filesOf(entry, false);
    expect(kilobytes(first)).toBeLessThan(start);
    const whole = filesOf(entry, true);
    expect(whole.length).toBeGreaterThan(first.length);
    expect(kilobytes(whole)).toBeLessThan(all);
    const imported = /from\s*"(?:node:)?(https?|http2|fs|crypto)"/g;
    const dear = first.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(imported)]);
    expect([...new Set(dear.map(([, builtin]) => builtin))]).toEqual(imports);
  });
});

test('a bundle has the Lua of the Redis store in it: no file of it is in the image', async () => {
  const folder = path.join(functions, 'shared/store/redis/scripts');
  const files = filesOf(await bundleRevision(path.join(functions, 'ingress')), true);
  const code = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  for (const name of readdirSync(folder)) {
    const [firstLine = ''] = readFileSync(path.join(folder, name), 'utf8').split('\n');
    expect(code).toContain(firstLine.replaceAll('`', '\\`'));
  }
  expect(code).not.toMatch(/\.lua[`'"]/);
});
