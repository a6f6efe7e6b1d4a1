import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { Failure } from '../../commands/command.ts';

export type Fault = { file: string; line: number; message: string };

/** Manifests that cannot be honoured: every fault with its file and line. */
export class ManifestError extends Failure {
  override name = 'ManifestError';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'));
    this.faults = faults;
  }
}

export type Place = readonly (string | number)[];

/** One YAML document of a file, with the line of everything in it. */
export type Manifest = {
  file: string;
  value: unknown;
  /** The line of a key, from 1. An absent key has the line of its nearest parent. */
  line(place: Place): number;
};

/** Reads the documents of a YAML file; faults name it relative to `root`. */
export function readManifests(file: string, root: string): { manifests: Manifest[]; faults: Fault[] } {
  const name = path.relative(root, file);
  const lines = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter: lines });
  if (!Array.isArray(documents)) return { manifests: [], faults: [] };
  const faults: Fault[] = [];
  const manifests: Manifest[] = [];
  for (const document of documents) {
    for (const error of document.errors)
      faults.push({
        file: name,
        line: lines.linePos(error.pos[0]).line,
        message: error.message.split('\n')[0] ?? error.code,
      });
    if (document.errors.length > 0 || document.contents === null) continue;
    manifests.push({
      file: name,
      value: document.toJS() as unknown,
      line: (place) => lines.linePos(offsetOf(document, place)).line,
    });
  }
  return { manifests, faults };
}

function offsetOf(document: Document, place: Place): number {
  for (let length = place.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(place.slice(0, length - 1), true);
    const key = place[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => (isScalar(item.key) ? item.key.value : item.key) === key);
      if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(place.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/** Parses a manifest by its schema. Returns the output, or each issue as a fault on its line. */
export function parseManifest<const S extends v.GenericSchema>(
  schema: S,
  manifest: Manifest,
): { output?: v.InferOutput<S>; faults: Fault[] } {
  const result = v.safeParse(schema, manifest.value);
  if (result.success) return { output: result.output, faults: [] };
  return {
    faults: result.issues.map((issue) => {
      const place = (issue.path ?? []).map((item) => item.key as string | number);
      const unknown = issue.type === 'strict_object' && issue.expected === 'never';
      const missing = issue.type === 'strict_object' && issue.received === 'undefined';
      const field = place.join('.') || 'the document';
      return {
        file: manifest.file,
        line: manifest.line(place),
        message: unknown
          ? `${field} is not a field that the local platform knows`
          : `${field}: ${missing ? 'is missing' : issue.message}`,
      };
    }),
  };
}
