/**
 * A foreign text with its control, format and unassigned characters written out (`\u202e`): it can neither hide, nor reorder, nor steer a
 * terminal. The escapes are those of JSON: a JSON text means the same afterwards.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** A text of lines, each made visible. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');
