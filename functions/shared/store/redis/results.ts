import * as v from 'valibot';
import { ModelRef } from '../../prediction.ts';
import type { StoredOutcome } from '../store.ts';
import type { RedisConnection } from './connection.ts';
import { idLength, requestId, shortId, single, storedOutcome } from '../rules.ts';

const noModel = '-'.repeat(idLength);

/** The texts of models by their ids: a script that stores results is given those of its models. */
export type Models = Map<string, string>;

/** The arguments that `models.lua` reads. */
export const modelArguments = (models: Models): (string | number)[] => [models.size, ...[...models].flat()];

/** Reads and writes results by their format (`scripts.ts`), with the models that they came from. */
export function redisResults(redis: Pick<RedisConnection, 'call'>) {
  const models = new Map<string, ModelRef>();
  const modelOf = (result: string): string => result.slice(1, 1 + idLength);
  return {
    /** The id of a model, which is added to `to`. */
    modelId(model: ModelRef, to: Models): string {
      const text = JSON.stringify(model);
      const id = shortId(text);
      to.set(id, text);
      models.set(id, model);
      return id;
    },
    /** The result of a request by the model of this id, without its flag. */
    pack: (text: string, modelId = noModel): string => modelId + text,
    /** Reads the models of these results that this process has not met yet. */
    async meet(results: readonly string[]): Promise<void> {
      for (const id of new Set(results.map(modelOf))) {
        if (id === noModel || models.has(id)) continue;
        const text = v.parse(v.nullable(v.string()), await redis.call('HGET', 'kickoff:models', id));
        if (text !== null) models.set(id, v.parse(ModelRef, JSON.parse(text)));
      }
    },
    /** A result of a model that was met. */
    unpack: (result: string): StoredOutcome =>
      storedOutcome(result.slice(1 + idLength), models.get(modelOf(result)), result.startsWith('1')),
  };
}

/** A result in the lines of a job. */
export type Line = { place: string; result: string };

function lineFrom(text: string): Line | undefined {
  const tab = text.indexOf('\t');
  return tab < 0 ? undefined : { place: text.slice(0, tab), result: text.slice(tab + 1) };
}

/** Reads lines of a job. */
export function linesFrom(text: string): Line[] {
  return text.split('\n').flatMap((each) => lineFrom(each) ?? []);
}

export const placeText = (place: number): string => (place === single ? 's' : String(place));
export const placeFrom = (text: string): number => (text === 's' ? single : Number(text));

/** Reads a message of a reply channel: ids of jobs, each before its lines. */
export function endedFrom(message: string): { id: string; result: string }[] {
  let job = '';
  return message.split('\n').flatMap((text) => {
    const line = lineFrom(text);
    if (line) return [{ id: requestId(job, placeFrom(line.place)), result: line.result }];
    job = text;
    return [];
  });
}
