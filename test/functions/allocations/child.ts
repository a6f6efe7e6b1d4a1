// Prints what the functions allocate on V8's heap for a request, in bytes: JSON. To be run with `--expose-gc` and a young generation that holds
// all of a window, since nothing counts what was collected.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { startProcessWorld } from '../../conformance/world.ts';

const artifact = path.resolve(import.meta.dirname, '../../../model/registry/match-outcome/1');
const { teams } = v.parse(
  v.object({ teams: v.array(v.object({ name: v.string() })) }),
  JSON.parse(readFileSync(path.join(artifact, 'teams.json'), 'utf8')),
);
/** The fixtures from number `first` on; no number means the same as another. */
const fixtures = (first: number, count: number): { home: string; away: string }[] =>
  Array.from({ length: count }, (_, n) => {
    const home = (first + n) % teams.length;
    const away = (home + 1 + (Math.floor((first + n) / teams.length) % (teams.length - 1))) % teams.length;
    return { home: teams[home]?.name ?? '', away: teams[away]?.name ?? '' };
  });

const world = await startProcessWorld();
async function ask(body: object): Promise<void> {
  const response = await world.request('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 200) throw new Error(await response.text());
  await response.text();
}

/** Bytes of one call of `each`, in the mean of `count` after as many that let the JIT do its work. */
async function allocated(count: number, each: (n: number) => Promise<void>): Promise<number> {
  for (let n = 0; n < count; n++) await each(n);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < count; n++) await each(count + n);
  return (process.memoryUsage().heapUsed - before) / count;
}

const [one] = fixtures(0, 1);
const hundred = { fixtures: fixtures(1, 100) };
const bytes = {
  miss: await allocated(400, (n) => ask(fixtures(1000 + n, 1)[0] ?? {})),
  missInList: (await allocated(20, (n) => ask({ fixtures: fixtures(10_000 + 100 * n, 100) }))) / 100,
  hit: await allocated(1000, () => ask(one ?? {})),
  hitInList: (await allocated(100, () => ask(hundred))) / 100,
};
console.log(JSON.stringify(bytes));
await world.close();
