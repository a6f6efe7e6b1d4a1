import * as v from 'valibot';
import { fs } from './builtins.ts';
import { signingKeys } from './events/signing-keys.ts';

/** Environment variables that do not fit; the message names each. `main` ends with exit code 78 (EX_CONFIG). */
export class ConfigFault extends Error {
  override name = 'ConfigFault';
}

/**
 * Parses the environment by a schema whose keys are the variables' names. A variable may also come from the file that `NAME_FILE` names (mounted
 * secrets). An empty one counts as unset. At least one name of `oneOf` must be set. Throws one `ConfigFault` for all faults, without the values:
 * they may be secret.
 */
export function readConfig<S extends v.ObjectSchema<v.ObjectEntries, undefined>>(
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
  oneOf: readonly string[] = [],
): v.InferOutput<S> {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const name of Object.keys(schema.entries)) {
    const file = env[`${name}_FILE`];
    try {
      const value = env[name] || (file ? fs.readFileSync(file, 'utf8').trim() : '');
      if (value) values[name] = value;
    } catch (error) {
      faults.push(`${name}_FILE: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (oneOf.length > 0 && !oneOf.some((name) => name in values))
    faults.push(`${oneOf.join(', ')}: one of them is required`);
  const parsed = v.safeParse(schema, values);
  if (parsed.success && faults.length === 0) return parsed.output;
  for (const issue of parsed.issues ?? []) {
    const name = v.getDotPath(issue) ?? '';
    if (faults.some((fault) => fault.startsWith(`${name}_FILE:`))) continue;
    faults.push(
      `${name}: ${values[name] === undefined && issue.received === 'undefined' ? 'is required' : issue.message}`,
    );
  }
  throw new ConfigFault(`bad configuration\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
}

/** A whole number from `min` to `max`, written in decimal digits. */
export function wholeNumber(min: number, max: number, fallback: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d+$/, message),
      v.transform(Number),
      v.minValue(min, message),
      v.maxValue(max, message),
    ),
    String(fallback),
  );
}

/** A URL that begins with one of these, as `amqp://` or `sqlite:`. */
function urlOf(...beginnings: string[]) {
  return v.pipe(
    v.string(),
    v.check(
      (value) =>
        URL.canParse(value) && beginnings.some((beginning) => new URL(value).href.startsWith(beginning)),
      `must be a URL: ${beginnings.map((beginning) => `${beginning}…`).join(' or ')}`,
    ),
  );
}

export const storeUrl = v.pipe(
  urlOf('redis://', 'rediss://', 'sqlite:'),
  v.check((url) => !url.startsWith('sqlite://'), 'must have the file right behind sqlite: (sqlite:store.db)'),
);
export const amqpUrl = urlOf('amqp://', 'amqps://');
export const httpUrl = urlOf('http://', 'https://');

// queue-proxy and its metrics listen on these ports of the pod (Knative runtime contract).
const reserved = new Set([8012, 8013, 8022, 8112, 9090, 9091]);
const port = (name: string, fallback: number) =>
  v.pipe(
    wholeNumber(0, 65535, fallback),
    v.check(
      (value) => !reserved.has(value),
      `${name} must not be a port that Knative reserves (${[...reserved].join(', ')})`,
    ),
  );

/** The variables that every function has. */
export const commonEntries = {
  PORT: port('PORT', 8080),
  /** Where it listens. An IP address: a name would be looked up. `ADDRESS` is func's own variable. */
  ADDRESS: v.optional(
    v.pipe(v.string(), v.regex(/^[\d.]+$|^[\da-f:.]+$/i, 'must be an IP address')),
    '0.0.0.0',
  ),
  /** The port that serves Prometheus text; 0: none. */
  METRICS_PORT: port('METRICS_PORT', 0),
  LOG_LEVEL: v.optional(
    v.picklist(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error'),
    'info',
  ),
  /** Milliseconds to finish what is in flight at SIGTERM. */
  DRAIN_MS: wholeNumber(0, 600_000, 25_000),
  /** URLs separated by spaces or commas, asked once at the start so that the whole chain starts at the same time. */
  WAKE_URLS: v.optional(
    v.pipe(
      v.string(),
      v.transform((list) => list.split(/[\s,]+/).filter(Boolean)),
      v.array(httpUrl),
    ),
    '',
  ),
};

/** The variable of the keys that our own events are signed with (Secret `signing`). */
export const signingEntries = { SIGNING_KEYS: signingKeys };

/** The variables that name a model in its registry. */
export const modelEntries = {
  // Matches what `parseModelUri` takes. A pattern, since all functions load this file and only two load that parser.
  MODEL_URI: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^models:\/[^/]+(@[^/@]+|\/[^/]+)$/, 'must be models:/<name>@<alias>, /<version> or /<stage>'),
    ),
    'models:/match-outcome@Production',
  ),
  MLFLOW_TRACKING_URI: httpUrl,
  MLFLOW_TRACKING_USERNAME: v.optional(v.string()),
  MLFLOW_TRACKING_PASSWORD: v.optional(v.string()),
  MLFLOW_TRACKING_TOKEN: v.optional(v.string()),
  /** Keeps the last version that worked, for a start without the registry. */
  MODEL_CACHE_DIR: v.optional(v.string()),
  /** Milliseconds between two looks at the alias. */
  MODEL_POLL_MS: wholeNumber(50, 3_600_000, 2000),
};
