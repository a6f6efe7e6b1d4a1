import * as v from 'valibot';
import { fixtureText, type ModelRef, ownModel } from '../../prediction.ts';
import type { Completed, LedgerOutcome, Store } from '../store.ts';
import { bounds } from './bounds.ts';
import type { RedisConnection } from './connection.ts';
import { type Models, modelArguments, placeFrom, placeText, type redisResults } from './results.ts';
import { placeOf, requestId, shortId, textOf } from '../rules.ts';
import { scripts } from './scripts.ts';

const Reply = v.tuple([
  v.number(),
  v.number(),
  v.number(),
  v.array(v.tuple([v.string(), v.string()])),
  v.array(v.string()),
]);

/** An outcome as the script is given it. */
type Given = { job: string; place: string; result: string; field: string; fingerprint: string };
type Group = { job: string; given: Given[]; bytes: number };

/** Outcomes that follow each other and are of one job, no more of them than a script is given at once. */
function groupsOf(outcomes: readonly Given[]): Group[] {
  const groups: Group[] = [];
  for (const one of outcomes) {
    const last = groups.at(-1);
    const full = !last || last.given.length >= bounds.outcomes || last.bytes >= bounds.outcomeBytes;
    if (!full && last.job === one.job) {
      last.given.push(one);
      last.bytes += one.result.length;
    } else groups.push({ job: one.job, given: [one], bytes: one.result.length });
  }
  return groups;
}

/** The first groups, as many as a script is given at once. */
function firstOf(groups: readonly Group[]): Group[] {
  let outcomes = 0;
  let bytes = 0;
  const over = groups.findIndex((group, n) => {
    outcomes += group.given.length;
    bytes += group.bytes;
    return n >= bounds.jobs || (n > 0 && (outcomes > bounds.outcomes || bytes > bounds.outcomeBytes));
  });
  return over < 0 ? [...groups] : groups.slice(0, over);
}

/** Stores outcomes by as many scripts as they need (see `complete.lua`). Each job is changed by one script, or by several one after the other. */
export function redisCompletion(
  redis: Pick<RedisConnection, 'script'>,
  results: ReturnType<typeof redisResults>,
  slices: readonly number[],
): Store['complete'] {
  async function run(
    outcomes: readonly Given[],
    { replyTo = '', joined, models }: { replyTo?: string | undefined; joined: boolean; models: Models },
  ) {
    let groups = groupsOf(outcomes);
    const sum = { stored: 0, duplicates: 0, conflicts: [] as string[], left: [] as string[] };
    while (groups.length > 0) {
      const batch = firstOf(groups);
      const args = batch.flatMap(({ job, given }) => [
        job,
        given.map(({ place, result }) => `${place}\t0${result}\n`).join(''),
        given.map(({ field }) => `${field}\n`).join(''),
        given.map(({ fingerprint }) => fingerprint).join(''),
      ]);
      const { room, perFollower } = bounds;
      const head = [...slices, replyTo, joined ? 1 : 0, room, perFollower, ...modelArguments(models)];
      const reply = await redis.script(scripts.complete, [...head, batch.length, ...args]);
      const [taken, stored, duplicates, conflicts, left] = v.parse(Reply, reply);
      sum.stored += stored;
      sum.duplicates += duplicates;
      for (const [job, place] of conflicts) sum.conflicts.push(requestId(job, placeFrom(place)));
      sum.left.push(...left);
      groups = groups.slice(taken);
    }
    return sum;
  }

  return async function complete({ model, outcomes, replyTo }: Completed) {
    const models: Models = new Map();
    const ids = new Map<ModelRef, string>();
    const digests = new Map<ModelRef, string>();
    const given = outcomes.map((outcome: LedgerOutcome): Given => {
      const { job, place } = placeOf(outcome.id);
      const ref = ownModel(outcome) ?? model;
      const id = ids.get(ref) ?? results.modelId(ref, models);
      const digest = digests.get(ref) ?? shortId(ref.digest);
      ids.set(ref, id);
      digests.set(ref, digest);
      return {
        ...{ job, place: placeText(place), fingerprint: outcome.fingerprint },
        result: results.pack(textOf(outcome), id),
        field: outcome.status === 'done' ? digest + fixtureText(outcome.prediction) : '',
      };
    });
    const { left, ...counts } = await run(given, { replyTo, joined: false, models });
    if (left.length > 0) {
      const leaders = new Map(given.map((one) => [`${one.job}\t${one.place}`, one]));
      const followers = left.flatMap((line): Given[] => {
        const [leading = '', at = '', job = '', place = ''] = line.split('\t');
        const leader = leaders.get(`${leading}\t${at}`);
        return leader ? [{ ...leader, job, place, field: '' }] : [];
      });
      await run(byJob(followers), { joined: true, models });
    }
    return counts;
  };
}

/** Those of one job together. */
function byJob(outcomes: readonly Given[]): Given[] {
  return [...Map.groupBy(outcomes, ({ job }) => job).values()].flat();
}
