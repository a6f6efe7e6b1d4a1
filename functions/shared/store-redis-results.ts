import { hash } from 'node:crypto';
import * as v from 'valibot';
import { ModelRef } from './prediction.ts';
import type { StoredOutcome } from './store.ts';
import type { RedisConnection } from './store-redis-connection.ts';
import { storedOutcome } from './store-rules.ts';

const modelIdLength = 12;
const noModel = '-';

/** Reads and writes results by their format (`store-redis-lua.ts`), with the models that they came from. */
export function redisResults(redis: Pick<RedisConnection, 'call'>) {
  const models = new Map<string, ModelRef>();
  const modelOf = (result: string): string => result.slice(1, 1 + modelIdLength);
  return {
    /** The short id of a model, whose text is added to `texts`: what stores results stores these too. */
    modelId(model: ModelRef, texts: Map<string, string>): string {
      const text = JSON.stringify(model);
      const id = hash('sha256', text, 'base64url').slice(0, modelIdLength);
      texts.set(id, text);
      models.set(id, model);
      return id;
    },
    /** Reads the models of these results that this process has not met yet; texts that are no result are passed over. */
    async meet(results: readonly string[]): Promise<void> {
      const unmet = results.filter(
        (result) =>
          result.length > modelIdLength && !result.startsWith(noModel, 1) && !models.has(modelOf(result)),
      );
      for (const id of new Set(unmet.map(modelOf))) {
        const text = v.parse(v.nullable(v.string()), await redis.call('HGET', 'kickoff:models', id));
        if (text !== null) models.set(id, v.parse(ModelRef, JSON.parse(text)));
      }
    },
    /** A result of a model that was met. */
    unpack(result: string): StoredOutcome {
      const cached = result.startsWith('1');
      if (result.startsWith(noModel, 1))
        return storedOutcome(result.slice(1 + noModel.length), undefined, cached);
      return storedOutcome(result.slice(1 + modelIdLength), models.get(modelOf(result)), cached);
    },
  };
}
