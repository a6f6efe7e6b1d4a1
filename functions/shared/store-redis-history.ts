import { hash } from 'node:crypto';
import * as v from 'valibot';
import {
  type Compared,
  forecastFrom,
  forecastOf,
  forecastText,
  type History,
  maxPairs,
  pairFrom,
  pairText,
  type Said,
} from './history.ts';
import { ModelRef } from './prediction.ts';
import type { RedisConnection } from './store-redis-connection.ts';
import type { Kept } from './store-rules.ts';

const models = 'kickoff:history-models';
const pairsOf = 'kickoff:shadows';
const Texts = v.array(v.string());

/** Hashes of what was said: ARGV is ttl, the name and most fields of each hash, then its fields and texts. What is there already stays. */
const keepScript = `
local ttl, at = ARGV[1], 2
while at <= #ARGV do
  local key, most, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  local size = redis.call('HLEN', key)
  for _ = 1, count do
    if size < most then size = size + redis.call('HSETNX', key, ARGV[at], ARGV[at + 1]) end
    at = at + 2
  end
  redis.call('PEXPIRE', key, ttl)
end`;

/** Versions that have said something of one match: more than are ever registered. */
const maxVersions = 1000;
const idOf = (text: string): string => hash('sha256', text, 'base64url').slice(0, 12);

/**
 * The history of a Redis store (see `History`). Keys: `said:<home>\t<away>`, a hash of `<model id><league>`; `shadow:<champion>:<challenger>`,
 * a hash of `<home>\t<away>\t<league>`; each value is `<ms> <text>`. `shadows` and `history-models` name the pairs and the models.
 */
export function redisHistory(redis: Pick<RedisConnection, 'call' | 'script'>, kept: Kept): History {
  type Part = { key: string; most: number; fields: [string, string][] };
  async function keep(parts: readonly Part[]): Promise<void> {
    const args = parts.flatMap(({ key, most, fields }) => [key, most, fields.length, ...fields.flat()]);
    await redis.script(keepScript, [kept.history, ...args]);
  }
  async function read(key: string): Promise<Map<string, string>> {
    const reply = await redis.call('HGETALL', key);
    // RESP3 gives a map as an object or an array, by the client's settings.
    const flat = Array.isArray(reply)
      ? v.parse(Texts, reply)
      : Object.entries(v.parse(v.record(v.string(), v.string()), reply)).flat();
    const found = new Map<string, string>();
    for (let at = 0; at < flat.length; at += 2) found.set(flat[at] ?? '', flat[at + 1] ?? '');
    return found;
  }
  async function knownModels(): Promise<Map<string, ModelRef>> {
    return new Map(
      [...(await read(models))].map(([id, text]) => [id, v.parse(ModelRef, JSON.parse(text))] as const),
    );
  }
  const modelPart = (...refs: ModelRef[]): Part => ({
    key: models,
    most: maxVersions,
    fields: refs.map((ref) => [idOf(JSON.stringify(ref)), JSON.stringify(ref)]),
  });
  const dated = (value: string): { made: number; text: string } => {
    const space = value.indexOf(' ');
    return { made: Number(value.slice(0, space)), text: value.slice(space + 1) };
  };
  const isKept = ({ made }: { made: number }): boolean => made > Date.now() - kept.history;

  return {
    async add({ model, predictions, now }) {
      const id = idOf(JSON.stringify(model));
      const parts = predictions.map((one): Part => ({
        key: `kickoff:said:${one.home}\t${one.away}`,
        most: maxVersions,
        fields: [[id + one.league, `${now} ${forecastText(forecastOf(one))}`]],
      }));
      if (parts.length > 0) await keep([modelPart(model), ...parts]);
    },
    async of(home, away) {
      const found = await read(`kickoff:said:${home}\t${away}`);
      if (found.size === 0) return [];
      const known = await knownModels();
      const said = [...found].flatMap(([field, value]): Said[] => {
        const { made, text } = dated(value);
        const model = known.get(field.slice(0, 12));
        const forecast = forecastFrom(JSON.parse(text));
        return model ? [{ home, away, league: field.slice(12), model, made, forecast }] : [];
      });
      return said.filter(isKept).sort((a, b) => a.made - b.made);
    },
    async shadow({ champion, challenger, pairs, now }) {
      const ids = [champion, challenger].map((ref) => idOf(JSON.stringify(ref))).join(':');
      const fields = pairs.map((one): [string, string] => [
        [one.home, one.away, one.league].join('\t'),
        `${now} ${pairText(one)}`,
      ]);
      await keep([
        modelPart(champion, challenger),
        { key: pairsOf, most: maxVersions, fields: [[ids, String(now)]] },
        { key: `kickoff:shadow:${ids}`, most: maxPairs, fields },
      ]);
    },
    async shadows() {
      const began = [...(await read(pairsOf))].sort((a, b) => Number(b[1]) - Number(a[1]));
      const known = await knownModels();
      const compared: Compared[] = [];
      for (const [ids] of began) {
        const [champion, challenger] = ids.split(':').map((id) => known.get(id));
        if (!champion || !challenger) continue;
        const pairs = [...(await read(`kickoff:shadow:${ids}`))]
          .map(([field, value]) => {
            const [home = '', away = '', league = ''] = field.split('\t');
            const { made, text } = dated(value);
            return { home, away, league, made, ...pairFrom(text) };
          })
          .filter(isKept);
        if (pairs.length > 0) compared.push({ champion, challenger, pairs });
      }
      return compared;
    },
  };
}
