const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const badEscape = /%(?![0-9A-Fa-f]{2})/;
/** What Go leaves unescaped in a path, and what it escapes when anything there must be escaped. */
const plainPath = /^[A-Za-z0-9\-_.~!$&'()*+,;=:@/%[\]]*$/;
const escapedAgain = /[!'()*[\]]/g;
const host = /^([^@/?#]*@)?([\w\-.~!$&'()*+,;=%]*|\[[^\]]*\])(:\d*)?$/;

/** A URI reference as Go's `url.Parse` and `String` return it, escaped where a path needs it. Undefined if they refuse it. */
export function normalUri(text: string): string | undefined {
  if (/[\0-\x1f\x7f]/.test(text)) return undefined;
  const [rest = '', ...fragment] = text.split('#');
  const after = fragment.length > 0 ? `#${fragment.join('#')}` : '';
  const protocol = scheme.exec(rest)?.[1]?.toLowerCase();
  const start = protocol === undefined ? '' : `${protocol}:`;
  const hier = rest.slice(start.length);
  if (protocol === undefined && hier.startsWith(':')) return undefined;
  // Opaque, as in urn:…: never looked into.
  if (protocol !== undefined && !hier.startsWith('/')) return start + hier + after;
  const question = hier.indexOf('?');
  const query = question < 0 ? '' : hier.slice(question);
  const location = question < 0 ? hier : hier.slice(0, question);
  const authority = /^\/\/([^/]*)/.exec(location)?.[1];
  const path = authority === undefined ? location : location.slice(2 + authority.length);
  if (protocol === undefined && authority === undefined && path.split('/', 1)[0]?.includes(':'))
    return undefined;
  if (badEscape.test(path) || (authority !== undefined && !host.test(authority))) return undefined;
  const slashes = authority === undefined || (authority === '' && path === '') ? '' : `//${authority}`;
  return start + slashes + escapedPath(path) + query + after;
}

function escapedPath(path: string): string {
  if (plainPath.test(path)) return path;
  const escape = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return encodeURI(decodeURI(path).toWellFormed())
    .replaceAll('?', '%3F')
    .replaceAll('#', '%23')
    .replace(escapedAgain, escape);
}
