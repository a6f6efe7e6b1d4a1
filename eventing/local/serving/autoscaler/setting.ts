import * as v from 'valibot';
import { parseGoDuration } from './go-duration.ts';

const LARGEST_INT32 = 2_147_483_647;

/** A setting as text, as annotations and ConfigMaps hold it. If `read` refuses a value, the issue's message is the valid range. */
function setting<T>(range: string, read: (text: string) => T | undefined) {
  return v.pipe(
    v.string(`${range}, as a string`),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: range });
      return NEVER;
    }),
  );
}

/** A decimal number that `valid` accepts. NaN and infinities, which Go would parse, are refused. */
export function decimal(range: string, valid: (value: number) => boolean) {
  return setting(range, (text) => {
    const value = /^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : NaN;
    return Number.isFinite(value) && valid(value) ? value : undefined;
  });
}

/** A whole number from `least` to the largest int32. */
export function whole(least: number) {
  return setting(`a whole number from ${least} to ${LARGEST_INT32}`, (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    return value >= least && value <= LARGEST_INT32 ? value : undefined;
  });
}

/** A Go duration that `valid` accepts, as ms; with `seconds` only whole seconds. */
export function duration(range: string, valid: (ms: number) => boolean, precision?: 'seconds') {
  return setting(precision ? `${range} in whole seconds` : range, (text) => {
    const ms = parseGoDuration(text);
    if (ms === undefined || !valid(ms)) return undefined;
    return precision && ms % 1000 !== 0 ? undefined : ms;
  });
}

/** One of some words. */
export function oneOf<const T extends string>(words: readonly T[], why = '') {
  return setting(words.join(' or ') + why, (text) => words.find((word) => word === text));
}

/** A boolean in the forms that Go reads. */
export function flag() {
  return setting('true or false', (text) => {
    if (/^(1|t|T|true|True|TRUE)$/.test(text)) return true;
    return /^(0|f|F|false|False|FALSE)$/.test(text) ? false : undefined;
  });
}
