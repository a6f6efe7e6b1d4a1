import { execFileSync } from 'node:child_process';
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';

const Document = v.looseObject({
  apiVersion: v.string(),
  kind: v.string(),
  metadata: v.looseObject({
    name: v.string(),
    namespace: v.optional(v.string()),
    labels: v.optional(v.record(v.string(), v.string()), {}),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
});

/** A Kubernetes object as a manifest states it. */
export type Document = v.InferOutput<typeof Document>;

/** The objects in a text of YAML documents. Throws if one has no apiVersion, kind or name. */
export function parseDocuments(text: string): Document[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents
    .map((document) => document.toJS() as unknown)
    .filter((value) => value !== null)
    .map((value) => v.parse(Document, value));
}

/** What `kubectl apply -k <folder>` would apply. `kustomize` is the program; `kubectl kustomize` serves as well. */
export function build(kustomize: readonly [string, ...string[]], folder: string): Document[] {
  const [program, ...args] = kustomize;
  return parseDocuments(
    execFileSync(program, [...args, folder], { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' }),
  );
}

/** A whole installation of the project in `root`: an overlay with its functions, built by kubectl. */
export function installation(root: string, overlay: string): Document[] {
  return [overlay, `${overlay}/functions`].flatMap((part) =>
    build(['kubectl', 'kustomize'], `${root}/manifests/overlays/${part}`),
  );
}

/** The value at a path of keys and indices, undefined where there is none. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let here: unknown = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

/** The list at a path, empty where there is none. */
export function listAt(value: unknown, ...path: (string | number)[]): unknown[] {
  const list = at(value, ...path);
  return Array.isArray(list) ? (list as unknown[]) : [];
}

/** The text at a path, undefined where there is none. */
export function textAt(value: unknown, ...path: (string | number)[]): string | undefined {
  const text = at(value, ...path);
  return typeof text === 'string' ? text : undefined;
}

/** `Kind/name`, for messages. */
export function title({ kind, metadata }: Document): string {
  return `${kind}/${metadata.name}`;
}

/** The pod template of a workload or Knative Service, undefined for everything else. */
export function podSpec(document: Document): unknown {
  if (document.kind === 'Pod') return document['spec'];
  return at(document, 'spec', 'template', 'spec');
}
