import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The text of a file in scripts/. In a bundle the texts take the place of this module (functions/bundle.ts). */
export function lua(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'scripts', `${name}.lua`), 'utf8');
}
