import path from 'node:path';
import { ModelRefused, RegistryUnavailable } from './registry-errors.ts';
import { createRegistry, type Registry } from './registry.ts';
import { Exit, exitCodes } from '../http/serve.ts';

/** The registry that the variables of `modelEntries` name; `user` keeps the functions' last good copies apart in one MODEL_CACHE_DIR. */
export function configuredRegistry(
  config: {
    MODEL_URI: string;
    MLFLOW_TRACKING_URI: string;
    MLFLOW_TRACKING_USERNAME?: string | undefined;
    MLFLOW_TRACKING_PASSWORD?: string | undefined;
    MLFLOW_TRACKING_TOKEN?: string | undefined;
    MODEL_CACHE_DIR?: string | undefined;
  },
  user: string,
  modelUri = config.MODEL_URI,
): Registry {
  const {
    MLFLOW_TRACKING_USERNAME: username,
    MLFLOW_TRACKING_PASSWORD: password,
    MLFLOW_TRACKING_TOKEN: token,
  } = config;
  return createRegistry({
    trackingUri: config.MLFLOW_TRACKING_URI,
    modelUri,
    credentials: {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(token === undefined ? {} : { token }),
    },
    ...(config.MODEL_CACHE_DIR === undefined ? {} : { cacheFolder: path.join(config.MODEL_CACHE_DIR, user) }),
  });
}

/** Ends the process after a failed first load and says what to do. The platform starts it again. */
export function cannotLoad(config: { MODEL_URI: string; MLFLOW_TRACKING_URI: string }) {
  return (error: unknown): never => {
    const named = `${config.MODEL_URI} from the registry at ${new URL(config.MLFLOW_TRACKING_URI).origin}`;
    if (error instanceof RegistryUnavailable)
      throw new Exit(
        exitCodes.unavailable,
        `cannot reach ${named}: start it, or correct MLFLOW_TRACKING_URI`,
        { cause: error },
      );
    if (error instanceof ModelRefused)
      throw new Exit(exitCodes.unavailable, `cannot use ${named}`, { cause: error });
    throw error;
  };
}
