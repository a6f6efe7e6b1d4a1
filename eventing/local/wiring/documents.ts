import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { isMap, isNode, LineCounter, parseAllDocuments, type Document } from 'yaml';

/** A document of a YAML file, not yet parsed: `value` is what it holds. */
export type Manifest = { file: string; document: Document; lines: LineCounter; value: unknown };

/** The wiring is wrong, or asks for what this platform cannot do. The message names file, line and field of each fault. */
export class WiringError extends Error {}

/** The documents of YAML files, empty ones left out. Throws WiringError where a file is no YAML. */
export function readManifests(files: string[]): Manifest[] {
  return files.flatMap((file) => {
    const lines = new LineCounter();
    const documents = parseAllDocuments(readFileSync(file, 'utf8'), {
      lineCounter: lines,
      prettyErrors: false,
    });
    if (!Array.isArray(documents)) return [];
    return documents.flatMap((document) => {
      const [fault] = document.errors;
      if (fault) throw new WiringError(`${file}:${lines.linePos(fault.pos[0]).line}: ${fault.message}`);
      const value: unknown = document.toJS();
      return value === null || value === undefined ? [] : [{ file, document, lines, value }];
    });
  });
}

/** `file:line: path: fault`, with the line of the field or of the nearest parent that is written. */
export function faultAt(manifest: Manifest, path: readonly PropertyKey[], fault: string): string {
  return `${manifest.file}:${lineOf(manifest, path)}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${fault}`;
}

/** Parses a manifest. Throws WiringError with one line for each fault; a field that the schema does not know is one. */
export function parseManifest<S extends v.GenericSchema>(schema: S, manifest: Manifest): v.InferOutput<S> {
  const result = v.safeParse(schema, manifest.value);
  if (result.success) return result.output;
  const faults = result.issues.map((issue) => {
    const path = (issue.path ?? []).map(({ key }) => key as PropertyKey);
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return faultAt(
        manifest,
        path,
        'this field cannot be honoured here; remove it, or deploy it to a cluster only',
      );
    }
    if (issue.type === 'strict_object' && issue.received === 'undefined') {
      return faultAt(manifest, path, 'is missing');
    }
    return faultAt(manifest, path, issue.message);
  });
  throw new WiringError(faults.join('\n'));
}

function lineOf({ document, lines }: Manifest, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true) ?? document.contents;
    const key = path[depth - 1];
    if (isMap(parent)) {
      const pair = parent.items.find((item) => String(item.key) === String(key));
      if (pair && isNode(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return lines.linePos(document.contents?.range?.[0] ?? 0).line;
}
