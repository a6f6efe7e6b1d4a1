import { maxSource } from '../../../shared/prediction.ts';

/**
 * Whether every hop hands a `source` on as it is. The ledger id of a request is made of it, and Go's SDK of CloudEvents writes a URI reference anew:
 * it escapes some characters, and refuses what it cannot parse.
 */
export function isPlainSource(source: string): boolean {
  if (source.length > maxSource || !/^[\w.~:/?@!$&'()*+,;=-]+$/.test(source)) return false;
  const [scheme = ''] = /^[a-z][a-z\d+.-]*:/.exec(source) ?? [];
  const rest = source.slice(scheme.length);
  if (rest.startsWith('//')) return scheme !== '' && /^\/\/[\w.-]+(?::\d{1,5})?(?:[/?]|$)/.test(rest);
  // A colon in the first segment would end a scheme.
  return scheme === '' ? !/^[^/?]*:/.test(rest) : rest !== '';
}
