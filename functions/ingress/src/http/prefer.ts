/** What a caller prefers (RFC 7240): how long to wait for the answer, in milliseconds, and what of it was applied. */
export type Preference = { waitMs: number; async: boolean; applied: string | undefined };

export const longestWait = 60;

/** Reads `Prefer: respond-async, wait=N`. Preferences that are unknown or not well formed are ignored; a longer wait is cut to 60 s. */
export function readPrefer(header: string | null, defaultWaitMs: number): Preference {
  if (header === null) return { waitMs: defaultWaitMs, async: false, applied: undefined };
  const preferences = new Map<string, string>();
  for (const each of header.split(',')) {
    const [, name, value = ''] = /^\s*([a-z-]+)\s*(?:=\s*"?([^";]*)"?)?\s*(?:;.*)?$/i.exec(each) ?? [];
    // The first of a name counts.
    if (name !== undefined && !preferences.has(name.toLowerCase()))
      preferences.set(name.toLowerCase(), value.trim());
  }
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
