import * as v from 'valibot';
import { SecretsFault } from './age-key.ts';
import { signingKey } from './plan.ts';

/** The values of Secret `signing`: `rotation` says which step was the last, and is not there where none is under way. */
const Signing = v.object({
  keys: v.pipe(
    v.string(),
    v.transform((keys) => keys.split(/\s+/).filter(Boolean)),
  ),
  rotation: v.optional(v.picklist(['added', 'first'])),
});

const rollOut = (namespace: string): string => `now: npm run secrets -- apply
then wait until the old pods of the functions are gone, since a running one keeps the keys that it started with:
  kubectl -n ${namespace} get pods -l serving.knative.dev/service`;
const next = 'npm run secrets -- rotate-signing';

/**
 * The next step of putting a new key in the place of the old one. In between every pod must have the keys of the step before, so that what one signs
 * every other believes. Throws `SecretsFault` for values that no step leaves.
 */
export function rotate(values: unknown, namespace: string): { values: Record<string, string>; told: string } {
  const read = v.safeParse(Signing, values);
  const { keys, rotation } = read.success ? read.output : { keys: [], rotation: undefined };
  const [first, second, ...more] = keys;
  if (first === undefined || more.length > 0 || (second === undefined) !== (rotation === undefined))
    throw new SecretsFault(
      'Secret signing is in no state of a rotation: npm run secrets -- edit signing, leave one key in `keys` and no `rotation`',
    );
  if (second === undefined)
    return {
      values: { keys: `${first} ${signingKey()}`, rotation: 'added' },
      told: `step 1 of 3: a new key is believed, and the old one still signs\n${rollOut(namespace)}\nthen step 2: ${next}`,
    };
  if (rotation === 'added')
    return {
      values: { keys: `${second} ${first}`, rotation: 'first' },
      told: `step 2 of 3: the new key signs, and the old one is still believed\n${rollOut(namespace)}\nthen, when no queue has events of the old key any more, step 3: ${next}`,
    };
  return { values: { keys: first }, told: `step 3 of 3: the old key is gone\n${rollOut(namespace)}` };
}
