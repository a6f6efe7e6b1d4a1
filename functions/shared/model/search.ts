import { fold } from './fold.ts';

type Named = { name: string; league: string | null; aliases: readonly string[] };

/** Those of a league (all, without) that have the text in a name or alias, best match first. Without a text it is always the same array. */
export type Search<T> = (query: { league?: string | undefined; text?: string | undefined }) => readonly T[];

/** Searches among `all`. What every search needs of them is made once, by the first. */
export function createSearch<T extends Named>(all: readonly T[]): Search<T> {
  type Entry = { named: T; spellings: string[] };
  let entries: Entry[] | undefined;
  const ofLeague = new Map<string | undefined, T[]>();
  const inOrder = (): Entry[] =>
    (entries ??= all
      .map((named) => ({ named, spellings: [named.name, ...named.aliases].map(fold) }))
      .sort((a, b) => a.named.name.localeCompare(b.named.name)));

  return ({ league, text = '' }) => {
    const wanted = fold(text);
    const within = (): Entry[] =>
      inOrder().filter(({ named }) => league === undefined || named.league === league);
    if (wanted === '') {
      const found = ofLeague.get(league) ?? within().map(({ named }) => named);
      ofLeague.set(league, found);
      return found;
    }
    const ranked: [T[], T[], T[]] = [[], [], []];
    for (const { named, spellings } of within()) {
      const rank = Math.min(...spellings.map((spelling) => rankOf(spelling, wanted)));
      ranked[rank]?.push(named);
    }
    return ranked.flat();
  };
}

/** 0 where the name begins with what is wanted, 1 where a word of it does, 2 where it is further in, 3 where it is not there. */
function rankOf(name: string, wanted: string): number {
  const at = name.indexOf(wanted);
  return at < 0 ? 3 : at === 0 ? 0 : name[at - 1] === ' ' ? 1 : 2;
}
