import type { Fixture } from './api.ts';
import { visible } from '../../../shared/visible.ts';

/** What the part of the address behind # asks for: nothing, the matchday page, a match, or what is wrong with it. */
export type Link =
  | { view: 'match' }
  | { view: 'matchday' }
  | { view: 'match'; fixture: Fixture }
  | { view: 'match'; fault: string };

const known = ['home', 'away', 'league'] as const;

/** Reads `#home=…&away=…&league=…`. */
export function readLink(hash: string): Link {
  const text = hash.replace(/^#/, '');
  if (text === '') return { view: 'match' };
  if (text === 'matchday') return { view: 'matchday' };
  const fields = new Map<string, string>();
  for (const pair of text.split('&')) {
    const [name = '', ...rest] = pair.split('=');
    try {
      fields.set(name, decodeURIComponent(rest.join('=').replaceAll('+', ' ')).trim());
    } catch {
      return {
        view: 'match',
        fault: `This link is damaged: the value of “${visible(name)}” is not readable.`,
      };
    }
  }
  const unknown = [...fields.keys()].find((name) => !known.some((one) => one === name));
  if (unknown !== undefined)
    return {
      view: 'match',
      fault: `This link is damaged: it has a part “${visible(unknown)}” that means nothing here.`,
    };
  const home = fields.get('home') ?? '';
  const away = fields.get('away') ?? '';
  const league = fields.get('league') ?? '';
  const missing = [...(home === '' ? ['home team'] : []), ...(away === '' ? ['away team'] : [])];
  if (missing.length > 0) return { view: 'match', fault: `This link names no ${missing.join(' and no ')}.` };
  if (Math.max(home.length, away.length, league.length) > 100)
    return { view: 'match', fault: 'This link has a name of more than 100 characters.' };
  return { view: 'match', fixture: { home, away, ...(league === '' ? {} : { league }) } };
}

/** The part of the address behind # that asks for this match. */
export function writeLink({ home, away, league }: Fixture): string {
  const write = (value: string): string => encodeURIComponent(value).replaceAll('%20', '+');
  return `#home=${write(home)}&away=${write(away)}${league === undefined ? '' : `&league=${write(league)}`}`;
}
