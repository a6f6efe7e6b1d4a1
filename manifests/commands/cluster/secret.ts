import * as v from 'valibot';
import { kubectl } from './kubectl.ts';

const decoded = v.pipe(
  v.string(),
  v.transform((text) => Buffer.from(text, 'base64').toString()),
);
const Secret = v.looseObject({ data: v.optional(v.record(v.string(), decoded), {}) });

/** The values of a Secret in the clear, undefined where there is none. Throws `ClusterFault`. */
export async function secretValues(
  namespace: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  const of = ['get', 'secret', name, '-n', namespace, '--ignore-not-found', '-o', 'json'];
  const text = await kubectl(of);
  return text.trim() === '' ? undefined : v.parse(Secret, JSON.parse(text)).data;
}
