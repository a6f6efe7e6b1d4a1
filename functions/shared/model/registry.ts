import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { loadCrypto } from '../builtins.ts';
import { type Credentials, mlflowRest } from './mlflow-rest.ts';
import { parseModelUri } from './model-uri.ts';
import { ModelRef } from '../prediction.ts';
import { ModelRefused } from './registry-errors.ts';

/** Files of a registered version by path. Each is checked against SHA256SUMS, and SHA256SUMS against the version's digest. */
export type Artifact = { ref: ModelRef; files: ReadonlyMap<string, Uint8Array> };

/** A model registry that speaks MLflow's REST API, for one model URI. */
export type Registry = {
  /** The name of the registered model. */
  name: string;
  /** Which version the URI names now: one small request, no download. Throws `RegistryUnavailable` or `ModelRefused`. */
  resolve(): Promise<ModelRef>;
  /** The percentage of answers that a challenger gives: tag `kickoff.canary` of its version. 0 if the tag is absent or no percentage. */
  canaryPercent(ref: ModelRef): Promise<number>;
  /** Downloads `files` of a version (without `files`, all of them) and checks them. Throws `RegistryUnavailable` or `ModelRefused`. */
  download(ref: ModelRef, files?: readonly string[]): Promise<Artifact>;
  /** Keeps a working artifact as the last good one, if there is a `cacheFolder`. */
  keep(artifact: Artifact): Promise<void>;
  /** The artifact that was kept last, checked again; undefined where none was. */
  kept(): Promise<Artifact | undefined>;
};

export type RegistryOptions = {
  trackingUri: string;
  modelUri: string;
  credentials?: Credentials;
  /** Where the last good version is kept (MODEL_CACHE_DIR). */
  cacheFolder?: string;
  /** Milliseconds for one request of the REST API; default 5000. */
  timeoutMs?: number;
  /** The most bytes of one file; default 256 MiB. */
  maxBytes?: number;
};

const ModelVersion = v.object({
  name: v.string(),
  version: v.pipe(
    v.union([v.string(), v.number()]),
    v.transform(String),
    v.regex(/^\d+$/, 'must be the number of a version'),
  ),
  status: v.optional(v.string(), 'READY'),
  tags: v.optional(v.array(v.object({ key: v.string(), value: v.string() })), []),
});
type ModelVersion = v.InferOutput<typeof ModelVersion>;
const sums = 'SHA256SUMS';

/** A client of MLflow's model registry (REST API 2.0) and its artifact proxy. */
export function createRegistry(options: RegistryOptions): Registry {
  const { trackingUri, modelUri, cacheFolder, maxBytes = 256 * 2 ** 20 } = options;
  const uri = parseModelUri(modelUri);
  const rest = mlflowRest({ trackingUri, timeoutMs: options.timeoutMs ?? 5000, ...options.credentials });

  async function find(): Promise<ModelVersion> {
    if (uri.alias !== undefined) {
      const answer = await rest.get('registered-models/alias', { name: uri.name, alias: uri.alias });
      return v.parse(v.object({ model_version: ModelVersion }), answer).model_version;
    }
    if (uri.version !== undefined) {
      const answer = await rest.get('model-versions/get', { name: uri.name, version: uri.version });
      return v.parse(v.object({ model_version: ModelVersion }), answer).model_version;
    }
    const query = { name: uri.name, ...(uri.stage === undefined ? {} : { stages: uri.stage }) };
    const answer = await rest.get('registered-models/get-latest-versions', query);
    const { model_versions } = v.parse(
      v.object({ model_versions: v.optional(v.array(ModelVersion), []) }),
      answer,
    );
    const [newest] = model_versions.toSorted((a, b) => Number(b.version) - Number(a.version));
    if (!newest) throw new ModelRefused(`${modelUri}: no such version is registered`);
    return newest;
  }

  async function artifactUri(ref: ModelRef): Promise<string> {
    const Location = v.object({ artifact_uri: v.string() });
    const answer = await rest.get('model-versions/get-download-uri', {
      name: ref.name,
      version: ref.version,
    });
    const { artifact_uri } = v.parse(Location, answer);
    const logged = /^models:\/(m-[^/]+)$/.exec(artifact_uri)?.[1];
    if (logged === undefined) return artifact_uri;
    const Logged = v.object({ model: v.object({ info: Location }) });
    return v.parse(Logged, await rest.get(`logged-models/${logged}`)).model.info.artifact_uri;
  }

  return {
    name: uri.name,

    async resolve() {
      return refOf(await find(), modelUri);
    },

    async canaryPercent({ name, version }) {
      const answer = await rest.get('model-versions/get', { name, version });
      const { tags } = v.parse(v.object({ model_version: ModelVersion }), answer).model_version;
      const value = tags.find(({ key }) => key === 'kickoff.canary')?.value ?? '0';
      const percent = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
      return percent <= 100 ? percent : 0;
    },

    async download(ref, files) {
      const base = await artifactUri(ref);
      const read = (name: string): Promise<Buffer> => rest.file(base, name, maxBytes);
      // Asked for together with the list of their checksums: a cold function is ready one round trip earlier.
      const ahead = new Map(files?.map((name) => [name, read(name)]));
      for (const reading of ahead.values()) reading.catch(() => undefined);
      // Done while they are on their way: the first use loads Node's crypto, 4 ms of a cold start.
      digestOf(Buffer.alloc(0));
      const manifest = await read(sums);
      if (digestOf(manifest) !== ref.digest)
        throw new ModelRefused(
          `${ref.name} version ${ref.version}: ${sums} does not have the registered digest sha256:${ref.digest}`,
        );
      const listed = parseSums(manifest);
      const wanted = files ?? [...listed.keys()];
      const checked = await Promise.all(
        wanted.map(async (name) => {
          const expected = listed.get(name);
          if (expected === undefined) throw absent(ref, name);
          const bytes = await (ahead.get(name) ?? read(name));
          check(ref, name, bytes, expected);
          return [name, bytes] as const;
        }),
      );
      return { ref, files: new Map([[sums, manifest], ...checked]) };
    },

    async keep({ ref, files }) {
      if (cacheFolder === undefined) return;
      await mkdir(cacheFolder, { recursive: true });
      // Replicas on one node may share the folder and keep the same version at the same moment. So each has its own names until the renames.
      const own = await mkdtemp(path.join(cacheFolder, 'new-'));
      try {
        // All is written before the first rename: a full disk must not keep a version that nothing names.
        await writeFile(path.join(own, 'last-good.json'), JSON.stringify(ref));
        const folder = path.join(own, ref.digest);
        for (const [name, bytes] of files) {
          await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
          await writeFile(path.join(folder, name), bytes);
        }
        const kept = path.join(cacheFolder, ref.digest);
        await rename(kept, path.join(own, 'before')).catch(ifCode('ENOENT'));
        // It is there: another replica has just kept the same files.
        await rename(folder, kept).catch(ifCode('ENOTEMPTY', 'EEXIST'));
        await rename(path.join(own, 'last-good.json'), path.join(cacheFolder, 'last-good.json'));
      } finally {
        await rm(own, { recursive: true, force: true });
      }
      // Who still uses an older version has it in memory: one version on the disk is enough.
      for (const other of await readdir(cacheFolder))
        if (/^[0-9a-f]{64}$/.test(other) && other !== ref.digest)
          await rm(path.join(cacheFolder, other), { recursive: true, force: true });
    },

    async kept() {
      if (cacheFolder === undefined) return undefined;
      const text = await readFile(path.join(cacheFolder, 'last-good.json'), 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      const ref = v.parse(ModelRef, JSON.parse(text));
      const folder = path.join(cacheFolder, ref.digest);
      const manifest = await readFile(path.join(folder, sums));
      if (digestOf(manifest) !== ref.digest) throw new ModelRefused(`${folder}: ${sums} was changed`);
      const files = new Map<string, Uint8Array>([[sums, manifest]]);
      for (const [name, expected] of parseSums(manifest)) {
        const bytes = await readFile(path.join(folder, name)).catch(() => undefined);
        if (!bytes) continue;
        check(ref, name, bytes, expected);
        files.set(name, bytes);
      }
      return { ref, files };
    },
  };
}

/** Bytes of a file of an artifact. Throws `ModelRefused` where it has none of that name. */
export function fileOf({ ref, files }: Artifact, name: string): Uint8Array {
  const bytes = files.get(name);
  if (!bytes) throw absent(ref, name);
  return bytes;
}

function absent({ name, version }: ModelRef, file: string): ModelRefused {
  return new ModelRefused(`${name} version ${version} has no file ${file}`);
}

/** A JSON file of an artifact, parsed. Throws `ModelRefused` where it is not there, and what `JSON.parse` throws. */
export function jsonOf(artifact: Artifact, name: string): unknown {
  return JSON.parse(Buffer.from(fileOf(artifact, name)).toString('utf8'));
}

function refOf({ name, version, status, tags }: ModelVersion, modelUri: string): ModelRef {
  const refuse = (why: string): never => {
    throw new ModelRefused(`${modelUri}: ${why}`, { version });
  };
  if (status !== 'READY') return refuse(`version ${version} is ${status}, not READY`);
  const tag = (key: string): string =>
    tags.find((each) => each.key === key)?.value ??
    refuse(`version ${version} has no tag ${key}; register it by: python -m model register`);
  const digest =
    /^sha256:([0-9a-f]{64})$/.exec(tag('kickoff.digest'))?.[1] ??
    refuse(`tag kickoff.digest of version ${version} is not sha256:<64 hex digits>`);
  return { name, version, digest, ratingsAsOf: tag('kickoff.ratings_as_of') };
}

/** Ignores an error with one of these codes. */
function ifCode(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && codes.includes(String(error.code)))) throw error;
  };
}

/** Lines of coreutils' sha256sum: two columns, the hex digest and the relative path. */
function parseSums(manifest: Uint8Array): Map<string, string> {
  const files = new Map<string, string>();
  for (const line of Buffer.from(manifest).toString('utf8').trim().split('\n')) {
    const [, digest, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    // A path that leaves the folder would be written outside of it.
    if (digest === undefined || name === undefined || path.isAbsolute(name) || name.split('/').includes('..'))
      throw new ModelRefused(`${sums} has a bad line: ${line.slice(0, 120)}`);
    files.set(name, digest);
  }
  return files;
}

function digestOf(bytes: Uint8Array): string {
  return loadCrypto().createHash('sha256').update(bytes).digest('hex');
}

function check(ref: ModelRef, name: string, bytes: Uint8Array, expected: string): void {
  if (digestOf(bytes) !== expected)
    throw new ModelRefused(
      `${ref.name} version ${ref.version}: ${name} does not have the digest that ${sums} states`,
    );
}
