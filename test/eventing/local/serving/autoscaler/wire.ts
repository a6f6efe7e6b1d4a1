import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

const folder = path.resolve(import.meta.dirname, '../../../../../../shared/wire');

/** A file of traces recorded from knative/serving; fails, saying where it must be, when it is not there. */
export function readTraces<Schema extends v.GenericSchema>(
  name: string,
  schema: Schema,
): v.InferOutput<Schema> {
  const file = path.join(folder, name);
  if (!existsSync(file))
    throw new Error(
      `${file} is missing: the recorded traces of Knative's autoscaler belong beside the project, in ../shared/wire`,
    );
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return v.parse(schema, content);
}

/** Times in the files are seconds, exact to a millisecond, counted from 2000-01-01. */
export function toMs(seconds: number): number {
  return 946_684_800_000 + Math.round(seconds * 1000);
}

/** A length of time in the files, in ms. */
export function lengthMs(seconds: number): number {
  return Math.round(seconds * 1000);
}

/** Exactly equal, negative zero included; with `relative` within 1e-11, as weighted averages go through `pow`. */
export function equalNumber(actual: number, expected: number, relative: boolean): boolean {
  if (actual === expected) return true;
  return relative && Math.abs(actual - expected) <= 1e-11 * Math.max(Math.abs(actual), Math.abs(expected));
}
