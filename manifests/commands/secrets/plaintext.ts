import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isMap, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Node } from 'yaml';
import { listAt, title, podSpec, textAt, type Document as Manifest } from '../yaml/bundle.ts';

const privateKey = /AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}/;
const urlWithPassword = /[a-z]:\/\/[^\s/:@]*:[^\s/:@$]+@/;

/** Secrets in the clear in files of the tree, one line each with file and line. `files` are relative to `root`. */
export function plaintextInTree(root: string, files: readonly string[]): string[] {
  return files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    const faults = text
      .split('\n')
      .flatMap((line, index) => (privateKey.test(line) ? [`${file}:${index + 1}: an age private key`] : []));
    if (/\.ya?ml$/.test(file)) faults.push(...plaintextSecrets(file, text));
    return faults;
  });
}

function plaintextSecrets(file: string, text: string): string[] {
  const ofSops = file.endsWith('.sops.yaml');
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  if (!Array.isArray(documents)) return [];
  const place = (node: unknown): string => `${file}:${lines.linePos((node as Node).range?.[0] ?? 0).line}`;
  return documents.flatMap((document) => {
    if (document.get('kind') !== 'Secret') return [];
    const faults = [...clearValues(document)].map(([key, node]) => `${place(node)}: ${key} is not encrypted`);
    if (!ofSops)
      faults.push(`${place(document.contents)}: a Secret belongs into manifests/secrets/<name>.sops.yaml`);
    else if (!document.hasIn(['sops', 'mac']))
      faults.push(`${place(document.contents)}: not encrypted by sops`);
    return faults;
  });
}

function* clearValues(document: Document): Generator<[string, unknown]> {
  for (const part of ['data', 'stringData']) {
    const values = document.get(part, true);
    if (!isMap(values)) continue;
    for (const { key, value } of values.items)
      if (!isScalar(value) || !String(value.value).startsWith('ENC['))
        yield [`${part}.${String(key)}`, value ?? key];
  }
}

/** Secrets in a built bundle, in whatever form, and passwords in the environment of its pods: one line each. */
export function plaintextInBundle(documents: readonly Manifest[]): string[] {
  return documents.flatMap((document) => [
    ...(document.kind === 'Secret'
      ? [`${title(document)}: secrets are applied by \`npm run secrets -- apply\`, never built`]
      : []),
    ...listAt(podSpec(document), 'containers')
      .flatMap((container) => listAt(container, 'env'))
      .filter(
        (variable) =>
          urlWithPassword.test(textAt(variable, 'value') ?? '') ||
          (/(PASSWORD|TOKEN|_PASS)$/.test(textAt(variable, 'name') ?? '') &&
            textAt(variable, 'value') !== undefined),
      )
      .map((variable) => `${title(document)}: ${textAt(variable, 'name') ?? ''} holds a secret in the clear`),
  ]);
}
