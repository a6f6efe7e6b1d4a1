import { expect, test, vi } from 'vitest';
import type { FunctionSettings } from '../../eventing/local/world.ts';
import { until } from '../../until.ts';
import { absent, differences } from './http-path/differences.ts';
import { page, tables } from './http-path/page.ts';
import { answerFacts, appFacts, type Facts, recordedFacts } from './http-path/facts.ts';
import { planOf } from './http-path/plans.ts';
import type { Place } from './http-path/steps.ts';
import { readRecorded, type Recorded } from './http-path/recorded.ts';
import { requestOf } from './http-path/request.ts';
import { type Places, startPlaces } from './http-path/worlds.ts';

// The recording's probe: each second, one failure. As often as the time limits are shortened.
vi.mock(import('../../../eventing/local/serving/readiness.ts'), async (original) => ({
  ...(await original()),
  readinessPeriod: { ms: 400, timeoutMs: 1000, failures: 1 },
}));

type Path = 'activator' | 'direct';
type Replay = { recorded: Recorded; path: Path; world: string; service: string };

/** Worlds by the recording's services: `act5` is the activator's path with a time limit. 5 s there are 3 s here. */
const worlds: Record<
  string,
  { path: Path; timeoutSeconds: number; functions: Record<string, FunctionSettings> }
> = {
  act: {
    path: 'activator',
    timeoutSeconds: 20,
    functions: {
      ingress: { min: 1 },
      one: { min: 1, concurrency: 1 },
      ...Object.fromEntries(
        ['probe', 'head', 'options', 'upload', 'get', 'post'].map((name) => [`zero-${name}`, {}]),
      ),
      'zero-late': { envs: { LISTEN_AFTER_MS: '300' } },
    },
  },
  act5: { path: 'activator', timeoutSeconds: 3, functions: { ingress: { min: 1 } } },
  dir: { path: 'direct', timeoutSeconds: 20, functions: { ingress: { min: 1 } } },
  dir1: { path: 'direct', timeoutSeconds: 20, functions: { ingress: { min: 1, concurrency: 1 } } },
  dir5: { path: 'direct', timeoutSeconds: 3, functions: { ingress: { min: 1 } } },
};

const recordings = readRecorded();
const nameOf = ({ recorded, path }: Pick<Replay, 'recorded' | 'path'>): string => `${recorded.case}.${path}`;
const replays = recordings
  .filter((recorded) => !(recorded.case in absent))
  .flatMap((recorded) =>
    (recorded.path === 'both' ? (['activator', 'direct'] as const) : [recorded.path]).map((path) =>
      placed(recorded, path),
    ),
  )
  .filter((each) => !(nameOf(each) in absent));

function placed(recorded: Recorded, path: Path): Replay {
  const way = path === 'activator' ? 'act' : 'dir';
  const host = recorded.request.find((line) => /^host:/i.test(line)) ?? '';
  const [, ofHost] = /^host: (?:act|dir)(\d)\./i.exec(host) ?? [];
  const [, ofName] = /^(?:cc|timeout)(\d)|-(?:act|dir)(\d)$/.exec(recorded.case)?.filter(Boolean) ?? [];
  const kind = recorded.case === 'readiness-fails-later' ? '5' : (ofHost ?? ofName ?? '');
  const at = { recorded, path };
  const [, zero] = /^cold-(?:client-aborts-)?(\w+)/.exec(recorded.case) ?? [];
  if (zero !== undefined) {
    const service = { kube: 'probe', network: 'probe', probe: 'late' }[zero] ?? zero;
    return { ...at, world: 'act', service: `zero-${service}` };
  }
  if (kind === '1' && way === 'act') return { ...at, world: 'act', service: 'one' };
  return { ...at, world: `${way}${kind}`, service: 'ingress' };
}

/** Those that end or stop the app come last, alone. */
const isLast = ({ recorded }: Replay): boolean =>
  /^app-|^readiness-/.test(recorded.case) && !/^app-(?:closes|half)/.test(recorded.case);

async function replay({ recorded }: Replay, place: Place, tag: string): Promise<Facts> {
  const { run } = planOf(recorded.case);
  const { answer, facts } = await run(place, requestOf(recorded, tag), tag);
  const seen = { ...(answer ? answerFacts(answer) : {}), ...facts };
  if (!recorded.app) return seen;
  const wanted = appFacts(recorded.app)['app'];
  await until(() => appFacts(place.events(tag))['app'] === wanted, { deadline: 600 }).catch(() => undefined);
  return { ...seen, ...appFacts(place.events(tag)) };
}

function wanted({ recorded, path }: Replay): Facts {
  const { recorded: more, ignore } = planOf(recorded.case);
  const facts = { ...recordedFacts(recorded, path), ...more?.(recorded) };
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !ignore?.test(name)));
}

type Differing = { fact: string; how: string };

/** The facts that differ. Facts that only the replay has count where the recording has an answer, or an app, at all. */
function compare(each: Replay, seen: Facts): Differing[] {
  const expected = wanted(each);
  const has = (prefix: string): boolean => Object.keys(expected).some((name) => name.startsWith(prefix));
  const names = new Set([
    ...Object.keys(expected),
    ...Object.keys(seen).filter((name) =>
      name.startsWith('app') ? has('app') : name.startsWith('header') && has('reason'),
    ),
  ]);
  const { ignore } = planOf(each.recorded.case);
  const differs = (name: string): boolean => (seen[name] ?? '') !== (expected[name] ?? '');
  const reached = (facts: Facts): boolean => /request|upgrade/.test(facts['app'] ?? '');
  return (
    [...names]
      .filter((name) => !ignore?.test(name) && differs(name))
      // Of another answer, and of a request that came or did not, the rest says no more.
      .filter((name) => !differs('status') || !/^(?:header|body|reason|complete|behind)/.test(name))
      .filter((name) => reached(seen) === reached(expected) || !name.startsWith('app '))
      .sort()
      .map((name) => ({ fact: name, how: `${expected[name] ?? ''} → ${seen[name] ?? ''}` }))
  );
}

async function inTurns<T>(items: readonly T[], at: number, each: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: at }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await each(item);
    }),
  );
}

test.each(Object.keys(worlds))('the cases of %s', { timeout: 120_000 }, async (name) => {
  const world = worlds[name];
  if (!world) return;
  const places: Places = await startPlaces(world.path, world.functions, world.timeoutSeconds);
  const here = replays.filter((each) => each.world === name);
  const found = new Map<string, Differing[]>();
  const times = new Map<string, number>();
  const one = async (each: Replay): Promise<void> => {
    const name = nameOf(each);
    times.set(name, (times.get(name) ?? 0) + 1);
    // The app keeps what it saw by the tag: each replay has its own.
    const facts = await replay(each, places.place(each.service), `${name}.${times.get(name)}`);
    found.set(name, compare(each, facts));
  };
  const heavy = (each: Replay): boolean => /0mb/.test(each.recorded.case);
  const alone = here.filter(({ service, world }) => service === 'one' || world === 'dir1');
  const others = here.filter((each) => !alone.includes(each) && !isLast(each));
  await Promise.all([
    inTurns(
      others.filter((each) => !heavy(each)),
      6,
      one,
    ),
    inTurns(alone, 1, one),
  ]);
  await inTurns(others.filter(heavy), 1, one);
  await inTurns(here.filter(isLast), 1, one);
  const unlisted = (each: Replay): string[] =>
    (found.get(nameOf(each)) ?? [])
      .filter(({ fact }) => !listedFacts(each).includes(fact))
      .map(({ fact, how }) => `${nameOf(each)}: ${fact}: ${how}`);
  const gone = (each: Replay): string[] =>
    listedFacts(each)
      .filter((fact) => !(found.get(nameOf(each)) ?? []).some((one) => one.fact === fact))
      .map((fact) => `${nameOf(each)}: ${fact}`);
  // On a crowded machine one of them comes too late for its time limit: before a case counts, it is replayed alone.
  for (let again = 0; again < 2; again++)
    await inTurns(
      here.filter((each) => unlisted(each).length + gone(each).length > 0),
      1,
      one,
    );
  await places.close();
  expect(here.flatMap(unlisted), 'differences that differences.ts does not list').toEqual([]);
  expect(here.flatMap(gone), 'differences that differences.ts lists, and that are no more').toEqual([]);
});

/** What `differences.ts` says of a replay. */
function listedFacts({ recorded, path }: Replay): string[] {
  return differences
    .filter(({ cases }) => cases.includes(recorded.case) || cases.includes(`${recorded.case}.${path}`))
    .flatMap(({ facts }) => facts);
}

test('every case of the recording is replayed, or its absence has a reason', () => {
  const names = new Set(recordings.map((recorded) => recorded.case));
  expect(names.size).toBe(209);
  const replayed = new Set(replays.map(({ recorded }) => recorded.case));
  expect([...names].filter((name) => !replayed.has(name) && !(name in absent))).toEqual([]);
  const known = new Set([...names, ...replays.map(nameOf)]);
  const listed = [...Object.keys(absent), ...differences.flatMap(({ cases }) => cases)];
  const way = /\.(?:activator|direct)$/;
  expect(listed.filter((name) => !known.has(name) && !names.has(name.replace(way, '')))).toEqual([]);
});

test('docs/local-runtime.md tells the differences', async () => {
  expect(page()).toContain(await tables());
});
