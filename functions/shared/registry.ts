import type { ModelRef } from './prediction.ts';

/** The registered version that a model URI names now, as the registry's REST API tells it. */
export type RegisteredVersion = {
  ref: ModelRef;
  /** Where its files are, for `download` only. */
  artifactUri: string;
};

/** A registered version on disk, every file checked against its SHA256SUMS and that against the version's digest. */
export type Artifact = { ref: ModelRef; folder: string };

/** The model registry (MLflow's REST API), for one model URI. */
export type Registry = {
  /** Which version the URI names now: one or two small requests, no download. Throws `RegistryUnavailable` or `ModelRefused`. */
  resolve(): Promise<RegisteredVersion>;
  /** Downloads `files` of a version (all of them without `files`) into a folder of its own and checks them. */
  download(version: RegisteredVersion, files?: readonly string[]): Promise<Artifact>;
};

/** The registry does not answer, or not now: trying again can help. */
export class RegistryUnavailable extends Error {
  override name = 'RegistryUnavailable';
}

/** The model URI names nothing usable (no such model or alias, wrong digest, too large, an artifact store that is not served). */
export class ModelRefused extends Error {
  override name = 'ModelRefused';
}
