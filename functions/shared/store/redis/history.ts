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
} from '../history.ts';
import { ModelRef } from '../../prediction.ts';
import type { RedisConnection } from './connection.ts';
import { scripts, sliceLengths } from './scripts.ts';
import { type Kept, shortId } from '../rules.ts';

const models = 'kickoff:history-models';
const pairsOf = 'kickoff:shadows';
const Texts = v.array(v.string());

/** Versions that have said something of one match: more than are ever registered. */
const maxVersions = 1000;

/** The history of a Redis store (see `History`, and `scripts.ts` for its keys). */
export function redisHistory(redis: Pick<RedisConnection, 'call' | 'script'>, kept: Kept): History {
  type Part = { key: string; most: number; fields: [string, string][] };
  async function keep(parts: readonly Part[]): Promise<void> {
    const args = parts.flatMap(({ key, most, fields }) => [key, most, fields.length, ...fields.flat()]);
    await redis.script(scripts.historyKeep, [kept.history, ...args]);
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
    fields: refs.map((ref) => [shortId(JSON.stringify(ref)), JSON.stringify(ref)]),
  });
  const slices = sliceLengths(kept);
  const fieldOf = (modelId: string, home: string, away: string): string => `${modelId}${home}\t${away}`;
  const dated = (value: string): { made: number; text: string } => {
    const space = value.indexOf(' ');
    return { made: Number(value.slice(0, space)), text: value.slice(space + 1) };
  };
  const isKept = ({ made }: { made: number }): boolean => made > Date.now() - kept.history;

  return {
    async add({ model, predictions, now }) {
      const text = JSON.stringify(model);
      const id = shortId(text);
      const said = predictions.flatMap((one) => [
        fieldOf(id, one.home, one.away),
        `${one.league}\t${now} ${forecastText(forecastOf(one))}\n`,
      ]);
      if (said.length === 0) return;
      await redis.script(scripts.historyAdd, [
        ...slices,
        kept.history,
        id,
        text,
        predictions.length,
        ...said,
      ]);
    },
    async of(home, away) {
      const known = [...(await knownModels())];
      if (known.length === 0) return [];
      const fields = known.map(([id]) => fieldOf(id, home, away));
      const texts = v.parse(Texts, await redis.script(scripts.historySaid, [...slices, ...fields]));
      const said = known.flatMap(([, model], place) =>
        (texts[place] ?? '').split('\n').flatMap((line): Said[] => {
          if (line === '') return [];
          const tab = line.indexOf('\t');
          const { made, text } = dated(line.slice(tab + 1));
          return [
            { home, away, league: line.slice(0, tab), model, made, forecast: forecastFrom(JSON.parse(text)) },
          ];
        }),
      );
      return said.filter(isKept).sort((a, b) => a.made - b.made);
    },
    async shadow({ champion, challenger, pairs, now }) {
      const ids = [champion, challenger].map((ref) => shortId(JSON.stringify(ref))).join(':');
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
