import path from 'node:path';
import { build, type Document } from '../../manifests/commands/yaml/bundle.ts';
import { kustomize } from './needs.ts';

const manifests = path.resolve(import.meta.dirname, '../../manifests');

/** The overlays, in the order of the documentation. */
export const overlays = ['single-node', 'own-rabbitmq', 'ha'] as const;

/** What `kubectl apply -k manifests/<folder>` would apply. */
export function built(folder: string): Document[] {
  if ('missing' in kustomize) throw new Error(kustomize.missing);
  return build([kustomize.path, 'build'], path.join(manifests, folder));
}

/** A whole installation: an overlay with its functions. */
export function installation(overlay: string): Document[] {
  return [...built(`overlays/${overlay}`), ...built(`overlays/${overlay}/functions`)];
}
