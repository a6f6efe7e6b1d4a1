import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startRegistry } from '../../../../eventing/local/registry.ts';
import { type FollowedModel, followModel } from '../../../../functions/shared/model/follow.ts';
import type { ModelRef } from '../../../../functions/shared/prediction.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { createRegistry, fileOf } from '../../../../functions/shared/model/registry.ts';
import { registryFolder } from './registry-folder.ts';
import { until } from '../../../until.ts';

let folder: Awaited<ReturnType<typeof registryFolder>>;
let server: Awaited<ReturnType<typeof startRegistry>>;
let cacheFolder: string;
let logged: string[];
let released: string[];
const opened: FollowedModel<string>[] = [];

beforeEach(async () => {
  logged = [];
  released = [];
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'kickoff-cache-'));
  folder = await registryFolder();
  for (const version of ['1', '2', '3'])
    await folder.add(version, { 'model.onnx': version === '2' ? 'broken' : `graph ${version}` });
  await folder.alias('Production', '1');
  server = await startRegistry(folder.folder);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
  await server.close();
  await folder.remove();
  await rm(cacheFolder, { recursive: true, force: true });
});

async function follow({
  cached = false,
  pollMs = 3_600_000,
  retryMs = 3_600_000,
  lastGood = () => Promise.resolve<ModelRef | undefined>(undefined),
} = {}): Promise<FollowedModel<string>> {
  const write = (line: string): void => void logged.push(line);
  const registry = createRegistry({
    trackingUri: server.url,
    modelUri: 'models:/match-outcome@Production',
    timeoutMs: 500,
    ...(cached ? { cacheFolder } : {}),
  });
  const model = await followModel(registry, {
    files: ['model.onnx'],
    ...{ pollMs, retryMs, lastGood },
    log: createLog('debug', { out: write, err: write }),
    load(artifact) {
      const text = Buffer.from(fileOf(artifact, 'model.onnx')).toString();
      if (text === 'broken') throw new Error('no graph');
      return { value: text, release: async () => void released.push(text) };
    },
  });
  opened.push(model);
  return model;
}

test('no registry at the start is an error without a last good copy', async () => {
  await server.close();
  await expect(follow({ cached: true })).rejects.toMatchObject({ name: 'RegistryUnavailable' });
});

test('a version that does not load at the start is an error', async () => {
  await folder.alias('Production', '2');
  await expect(follow()).rejects.toThrow('no graph');
});

const refusals = (): string[] => logged.filter((line) => line.includes('is refused'));
const digestTag = 'kickoff.digest';

test('a version that does not load at the start, and neither does the last good one, is the error of the first', async () => {
  await folder.alias('Production', '2');
  for (const lastGood of [
    () => Promise.resolve(folder.ref('2')),
    () => Promise.resolve({ ...folder.ref('1'), digest: 'f'.repeat(64) }),
    () => Promise.resolve({ ...folder.ref('1'), version: '9' }),
    () => Promise.resolve({ ...folder.ref('1'), name: 'another' }),
    () => Promise.reject(new Error('the store is away')),
  ])
    await expect(follow({ lastGood })).rejects.toThrow('no graph');
  await server.close();
  const error = follow({ lastGood: () => Promise.resolve(folder.ref('1')) });
  await expect(error).rejects.toMatchObject({ name: 'RegistryUnavailable' });
});

test.each([
  ['has no digest', '3', () => folder.tag('3', digestTag, undefined), /version 3 has no tag kickoff.digest/],
  ['does not load', '2', () => Promise.resolve(), /no graph/],
  ['is absent, as its alias is', 'unknown', () => folder.removeAlias('Production'), /Production not found/],
])(
  'a start while the version under the alias %s goes on with the last good one, and says so',
  async (_, version, break_, reason) => {
    await folder.alias('Production', version === '2' ? '2' : '3');
    await break_();
    const model = await follow({ lastGood: () => Promise.resolve(folder.ref('1')) });
    for (let look = 0; look < 3; look++) await model.refresh();
    const { value, ref, refusal } = model.current();
    expect([value, ref]).toEqual(['graph 1', { ...folder.ref('1'), refused: version }]);
    expect(refusal?.reason).toMatch(reason);
    expect(refusal?.reason).not.toContain(server.url);
    expect(await model.use((_value, info) => info.ref.refused)).toBe(version);
    expect(refusals()).toHaveLength(1);
    expect(refusals()[0]).toContain('"level":"warn"');
  },
);

test('a version whose tag was forgotten is taken when the tag is there, and answers say no more that it is refused', async () => {
  const digest = `sha256:${folder.ref('3').digest}`;
  const model = await follow({ pollMs: 50 });
  await folder.tag('3', digestTag, undefined);
  await folder.alias('Production', '3');
  await until(() => model.current().ref.refused === '3');
  await folder.tag('3', digestTag, digest);
  await until(() => model.current().value === 'graph 3');
  expect(model.current().ref).toEqual(folder.ref('3'));
  await folder.tag('3', digestTag, undefined);
  await until(() => model.current().ref.refused === '3');
  await folder.alias('Production', '1');
  await until(() => model.current().value === 'graph 1');
  expect(model.current().ref).toEqual(folder.ref('1'));
});

test('the alias moved back to the present version ends the refusal, without loading it again', async () => {
  const model = await follow();
  const { loadedSince } = model.current();
  await folder.alias('Production', '2');
  await model.refresh();
  expect(model.current().ref.refused).toBe('2');
  await folder.alias('Production', '1');
  await model.refresh();
  expect(model.current()).toMatchObject({ ref: folder.ref('1'), loadedSince });
  expect(model.current().ref).not.toHaveProperty('refused');
  expect(logged.at(-1)).toContain('again that can be loaded');
});

test('a version that did not load is tried again after a while, each time later, or when it is asked for', async () => {
  const file = path.join(folder.folder, 'match-outcome/3/model.onnx');
  const waiting = await follow();
  const model = await follow({ pollMs: 20, retryMs: 20 });
  await rm(file);
  await folder.alias('Production', '3');
  await until(() => model.current().ref.refused === '3');
  await waiting.refresh();
  await writeFile(file, 'graph 3');
  await until(() => model.current().value === 'graph 3');
  await waiting.refresh();
  expect(waiting.current().ref).toMatchObject({ version: '1', refused: '3' });
  await waiting.retry();
  expect(waiting.current().ref).toEqual(folder.ref('3'));
});

test('it steps back to the version by which another function answers, until the alias names another or it is asked to try again', async () => {
  const model = await follow();
  await folder.alias('Production', '3');
  await model.refresh();
  // What another function says of a version that is not the present one changes nothing.
  await model.stepBack({ ...folder.ref('1'), refused: '2' });
  await model.stepBack({ ...folder.ref('2'), refused: '3' });
  expect(model.current().ref).toEqual(folder.ref('3'));
  await model.stepBack({ ...folder.ref('1'), refused: '3' });
  await model.refresh();
  expect(model.current()).toMatchObject({ value: 'graph 1', ref: { ...folder.ref('1'), refused: '3' } });
  expect(model.current().refusal?.reason).toMatch(/predict cannot load it/);
  expect(refusals()).toHaveLength(1);
  await model.retry();
  expect(model.current().ref).toEqual(folder.ref('3'));
});

test('a version that does not load is refused and reported once; the present one stays, and the next good one is taken', async () => {
  const model = await follow();
  await folder.alias('Production', '2');
  for (let look = 0; look < 3; look++) await model.refresh();
  expect(model.current()).toMatchObject({ value: 'graph 1', ref: { version: '1' } });
  expect(logged.filter((line) => line.includes('refused'))).toHaveLength(1);
  await folder.alias('Production', '3');
  await model.refresh();
  expect(model.current()).toMatchObject({ value: 'graph 3', ref: { version: '3' } });
});

test('a version that was refused for want of a file is taken when it is promoted again', async () => {
  const model = await follow();
  const file = path.join(folder.folder, 'match-outcome/3/model.onnx');
  await rm(file);
  await folder.alias('Production', '3');
  await model.refresh();
  await folder.alias('Production', '1');
  await model.refresh();
  expect(model.current().value).toBe('graph 1');
  await writeFile(file, 'graph 3');
  await folder.alias('Production', '3');
  await model.refresh();
  expect(model.current().value).toBe('graph 3');
});

test('a version that cannot be kept is used all the same and reported once; keeping is tried again with the next one', async () => {
  await rm(cacheFolder, { recursive: true });
  await writeFile(cacheFolder, 'in the place of the folder');
  const warnings = (): string[] => logged.filter((line) => line.includes('no copy'));
  const model = await follow({ cached: true });
  for (let look = 0; look < 2; look++) await model.refresh();
  expect(model.current()).toMatchObject({ value: 'graph 1', ref: { version: '1' } });
  expect(warnings()).toHaveLength(1);
  await folder.alias('Production', '3');
  for (let look = 0; look < 2; look++) await model.refresh();
  expect(model.current()).toMatchObject({ value: 'graph 3', ref: { version: '3' } });
  expect(released).toEqual(['graph 1']);
  expect(warnings()).toHaveLength(2);
  await rm(cacheFolder);
  await folder.alias('Production', '1');
  await model.refresh();
  expect(warnings()).toHaveLength(2);
  await server.close();
  expect((await follow({ cached: true })).current().ref).toMatchObject({ version: '1', stale: true });
});

test('a registry that is away later changes nothing, and is followed again when it is back', async () => {
  const model = await follow();
  await server.close();
  for (let look = 0; look < 2; look++) await model.refresh();
  expect(model.current().value).toBe('graph 1');
  expect(logged.filter((line) => line.includes('does not answer'))).toHaveLength(1);
});

test('a moved alias is followed by itself; the old version is released when its last use has ended', async () => {
  const model = await follow({ pollMs: 50 });
  let end: () => void = () => undefined;
  const inUse = model.use(
    (value) =>
      new Promise<string>((resolve) => {
        end = () => {
          resolve(value);
        };
      }),
  );
  await folder.alias('Production', '3');
  await until(() => model.current().value === 'graph 3');
  expect(await model.use((value, { ref }) => [value, ref.version])).toEqual(['graph 3', '3']);
  expect(released).toEqual([]);
  end();
  expect(await inUse).toBe('graph 1');
  expect(released).toEqual(['graph 1']);
});

test('without a registry the last good version is used and says that it is stale, until the registry is back', async () => {
  await follow({ cached: true });
  const { folder: served } = folder;
  await server.close();
  const model = await follow({ cached: true });
  expect(model.current()).toMatchObject({ value: 'graph 1', ref: { version: '1', stale: true } });
  expect(served).toBe(folder.folder);
});
