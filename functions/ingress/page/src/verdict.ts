import type { Done } from './api.ts';
import { wholes } from './numbers.ts';

const matches = 20;
const openLead = 0.05;

/** Who is the favourite, and how often such a match ends how: frequencies are read more easily than percentages. */
export function verdict({ home, away, probabilities }: Done['prediction']): string {
  const [ahead, share] =
    probabilities.home >= probabilities.away ? [home, probabilities.home] : [away, probabilities.away];
  const lead = Math.abs(probabilities.home - probabilities.away);
  const word = share >= 0.65 ? 'clear favourites' : share >= 0.5 ? 'favourites' : 'slight favourites';
  const [won, drawn, lost] = wholes([share, probabilities.draw, share - lead], matches);
  return `${lead < openLead ? 'An open match' : `${ahead} are ${word}`}: of ${matches} such matches ${
    lead < openLead ? ahead : 'they'
  } would win ${won}, draw ${drawn} and lose ${lost}.`;
}
