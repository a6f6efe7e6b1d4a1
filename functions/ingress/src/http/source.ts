import * as v from 'valibot';
import { maxSource } from '../../../shared/prediction.ts';

/**
 * A `source` that every hop hands on as it is. The ledger id of a request is made of it, and Go's SDK of CloudEvents writes a URI reference anew: it
 * escapes other characters, and refuses what it cannot parse.
 */
export const Source = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(maxSource),
  v.regex(/^[\w.~:/?@!$&'()*+,;=-]+$/),
  v.check((source) => {
    const [scheme = ''] = /^[a-z][a-z\d+.-]*:/.exec(source) ?? [];
    const rest = source.slice(scheme.length);
    if (rest.startsWith('//')) return scheme !== '' && /^\/\/[\w.-]+(?::\d{1,5})?(?:[/?]|$)/.test(rest);
    // A colon in the first segment would end a scheme.
    return scheme === '' ? !/^[^/?]*:/.test(rest) : rest !== '';
  }),
);
