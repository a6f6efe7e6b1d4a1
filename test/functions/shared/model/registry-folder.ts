import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ModelRef } from '../../../../functions/shared/prediction.ts';

type Version = { version: string; tags: Record<string, string> } & Record<string, unknown>;

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A registry folder in a temporary place, as `python -m model register` lays it out, with one model `match-outcome`. */
export async function registryFolder(): Promise<{
  folder: string;
  /** Adds a version with these files (name to content); `tags` overrides what is derived from them. */
  add(
    version: string,
    files: Record<string, string | Uint8Array>,
    tags?: Record<string, string>,
  ): Promise<void>;
  /** Sets a tag of a version, or takes it away. */
  tag(version: string, key: string, value: string | undefined): Promise<void>;
  /** The model as answers name it. */
  ref(version: string): ModelRef;
  alias(name: string, version: string): Promise<void>;
  removeAlias(name: string): Promise<void>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'registry-'));
  const index = path.join(folder, 'registered-models.json');
  const model = { aliases: {} as Record<string, string>, versions: [] as Version[] };
  const tagsOf = (version: string): Version['tags'] =>
    model.versions.find((one) => one.version === version)?.tags ?? {};
  const save = (): Promise<void> => writeFile(index, JSON.stringify({ 'match-outcome': model }));
  await save();
  return {
    folder,
    async add(version, files, tags = {}) {
      const place = path.join(folder, 'match-outcome', version);
      await mkdir(place, { recursive: true });
      let sums = '';
      for (const name of Object.keys(files).sort()) {
        await writeFile(path.join(place, name), files[name] ?? '');
        sums += `${sha256(await readFile(path.join(place, name)))}  ${name}\n`;
      }
      await writeFile(path.join(place, 'SHA256SUMS'), sums);
      model.versions.push({
        version,
        creation_timestamp: 0,
        last_updated_timestamp: 0,
        run_id: 'run',
        source: 'test',
        status: 'READY',
        tags: { 'kickoff.digest': `sha256:${sha256(sums)}`, 'kickoff.ratings_as_of': '2025-05-25', ...tags },
      });
      await save();
    },
    async tag(version, key, value) {
      if (value === undefined) Reflect.deleteProperty(tagsOf(version), key);
      else tagsOf(version)[key] = value;
      await save();
    },
    ref: (version) => ({
      ...{ name: 'match-outcome', version },
      digest: (tagsOf(version)['kickoff.digest'] ?? '').slice('sha256:'.length),
      ratingsAsOf: tagsOf(version)['kickoff.ratings_as_of'] ?? '',
    }),
    async alias(name, version) {
      model.aliases[name] = version;
      await save();
    },
    async removeAlias(name) {
      model.aliases = Object.fromEntries(Object.entries(model.aliases).filter(([alias]) => alias !== name));
      await save();
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
