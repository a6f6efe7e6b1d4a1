/** What a caller prefers (RFC 7240): how long to wait for the answer, in milliseconds, and what of it was applied. */
export type Preference = { waitMs: number; async: boolean; applied: string | undefined };

export const longestWait = 60;

/** The most characters of a `Prefer` header that is read at all. */
export const longestPrefer = 1000;

/**
 * Reads `Prefer: respond-async, wait=N`. Preferences that are unknown or not well formed are ignored, and all of them in a header that is too long;
 * a longer wait is cut to 60 s. The first of a name counts.
 */
export function readPrefer(header: string | null, defaultWaitMs: number): Preference {
  const preferences = preferencesOf(header === null || header.length > longestPrefer ? '' : header);
  const async = preferences.get('respond-async') === '';
  const wait = /^\d{1,9}$/.exec(preferences.get('wait') ?? '')?.[0];
  const seconds = wait === undefined ? undefined : Math.min(Number(wait), longestWait);
  const applied = [
    ...(async ? ['respond-async'] : []),
    ...(seconds === undefined ? [] : [`wait=${seconds}`]),
  ];
  return {
    waitMs: seconds === undefined ? (async ? 0 : defaultWaitMs) : seconds * 1000,
    async,
    applied: applied.length === 0 ? undefined : applied.join(', '),
  };
}

// Not as a structured field (RFC 8941): its parsers refuse `Wait=5`, and with it the whole header.
function preferencesOf(header: string): Map<string, string> {
  const preferences = new Map<string, string>();
  for (const member of membersOf(header)) {
    const [preference = ''] = member.split(';', 1);
    const equals = preference.indexOf('=');
    const name = (equals < 0 ? preference : preference.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? '' : preference.slice(equals + 1).trim();
    if (!preferences.has(name)) preferences.set(name, unquoted(value));
  }
  return preferences;
}

/** The members of a list, which commas part that stand in no quoted string. */
function membersOf(header: string): string[] {
  const members: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < header.length; at++) {
    const character = header[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at++;
    else if (!quoted && character === ',') {
      members.push(header.slice(start, at));
      start = at + 1;
    }
  }
  return [...members, header.slice(start)];
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
