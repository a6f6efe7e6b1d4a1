/** The registry does not answer, or not now: trying again can help. */
export class RegistryUnavailable extends Error {
  override name = 'RegistryUnavailable';
}

/** The model URI names nothing usable (no such model or alias, wrong digest, too large, an artifact store that is not served). */
export class ModelRefused extends Error {
  override name = 'ModelRefused';
  /** The version at fault, where the registry named one. */
  readonly version: string | undefined;
  constructor(message: string, options: ErrorOptions & { version?: string } = {}) {
    super(message, options);
    this.version = options.version;
  }
}

/** No such model, version or alias is registered. */
export class VersionAbsent extends ModelRefused {}
