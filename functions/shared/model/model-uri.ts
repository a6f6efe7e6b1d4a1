import { ModelRefused } from './registry-errors.ts';

/** What a model URI names: a model with an alias, a version, or a stage; with none of them its newest version. */
export type ModelUri = { name: string; alias?: string; version?: string; stage?: string };

/** Parses `models:/name@alias`, `/name/version`, `/name/latest`, `/name/Stage` as MLflow does; throws `ModelRefused` for anything else. */
export function parseModelUri(uri: string): ModelUri {
  const refuse = (why: string): never => {
    throw new ModelRefused(
      `MODEL_URI ${uri} ${why}; write models:/<name>@<alias>, models:/<name>/<version> or models:/<name>/<stage>`,
    );
  };
  const path = /^models:\/([^/].*)$/.exec(uri)?.[1];
  if (path === undefined) return refuse('is not the URI of a registered model');
  const [name = '', selector, ...rest] = path.split('/');
  if (rest.length > 0 || selector === '') return refuse('has too many or empty parts');
  if (selector === undefined) {
    // MLflow splits at the last @: a model's name may hold one.
    const at = path.lastIndexOf('@');
    if (at > 0 && at < path.length - 1) return { name: path.slice(0, at), alias: path.slice(at + 1) };
    return refuse(
      name.startsWith('m-') ? 'names a logged model, not a registered version' : 'names no version',
    );
  }
  if (/^\d+$/.test(selector)) return { name, version: selector };
  return selector.toLowerCase() === 'latest' ? { name } : { name, stage: selector };
}

/** The alias `Challenger` of the same model. */
export function challengerUri(modelUri: string): string {
  return `models:/${parseModelUri(modelUri).name}@Challenger`;
}
