import { distance } from 'fastest-levenshtein';
import { fold } from './fold.ts';

/** One edit for so many letters of the longer spelling is near. With two, Arsnal would be near to SPAL. */
const near = 3;
const most = 3;

/** Finds the up to three names of which a spelling is near to the given one, nearest first. */
export type Nearest = (spelling: string) => string[];

export function createNearest(all: readonly { name: string; aliases: readonly string[] }[]): Nearest {
  const known = all.flatMap(({ name, aliases }) =>
    [name, ...aliases].map((each) => {
      const spelling = fold(each);
      return { spelling, name, letters: lettersOf(spelling) };
    }),
  );
  return (given) => {
    const wanted = fold(given);
    const letters = lettersOf(wanted);
    const best = new Map<string, number>();
    for (const { spelling, name, letters: others } of known) {
      const longer = Math.max(wanted.length, spelling.length);
      const allowed = Math.floor(longer / near);
      // Each letter more takes an edit, and so does each that only one of them has: most spellings end here, at a hundredth of a distance's price.
      if (longer - Math.min(wanted.length, spelling.length) > allowed) continue;
      if (bits(letters & ~others) > allowed || bits(others & ~letters) > allowed) continue;
      const edits = distance(wanted, spelling);
      if (edits <= allowed && edits / longer < (best.get(name) ?? Infinity)) best.set(name, edits / longer);
    }
    return [...best]
      .sort((a, b) => a[1] - b[1])
      .slice(0, most)
      .map(([name]) => name);
  };
}

/** The letters of a text as a set of bits; some letters share one. */
function lettersOf(text: string): number {
  let letters = 0;
  for (let at = 0; at < text.length; at++) letters |= 1 << (text.charCodeAt(at) & 31);
  return letters;
}

/** The number of bits that are set in an int32. */
function bits(set: number): number {
  let pairs = set - ((set >>> 1) & 0x55555555);
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
