import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegistry } from '../../../../eventing/local/registry.ts';
import { parseModelUri } from '../../../../functions/shared/model/model-uri.ts';
import { createRegistry, fileOf } from '../../../../functions/shared/model/registry.ts';
import { registryFolder } from './registry-folder.ts';

const shipped = await registryFolder();
let server: Awaited<ReturnType<typeof startRegistry>>;
const open = (modelUri: string, more = {}): ReturnType<typeof createRegistry> =>
  createRegistry({ trackingUri: server.url, modelUri, ...more });

beforeAll(async () => {
  await shipped.add('1', { 'model.onnx': 'one', 'teams.json': '{}' });
  await shipped.add('2', { 'model.onnx': 'two', 'teams.json': '{}' });
  await shipped.alias('Production', '1');
  server = await startRegistry(shipped.folder);
});
afterAll(async () => {
  await server.close();
  await shipped.remove();
});

describe('a model URI', () => {
  it.each([
    ['model.onnx', 'is not the URI of a registered model'],
    ['models:/', 'is not the URI of a registered model'],
    ['models:/match-outcome', 'names no version'],
    ['models:/m-0123', 'names a logged model'],
    ['models:/match-outcome/', 'has too many or empty parts'],
    ['models:/match-outcome/1/model.onnx', 'has too many or empty parts'],
  ])('%s is refused: it %s', (uri, why) => {
    expect(() => parseModelUri(uri)).toThrow(why);
  });

  it.each([
    ['models:/match-outcome@Production', { name: 'match-outcome', alias: 'Production' }],
    ['models:/a@b@c', { name: 'a@b', alias: 'c' }],
    ['models:/match-outcome/3', { name: 'match-outcome', version: '3' }],
    ['models:/match-outcome/latest', { name: 'match-outcome' }],
    ['models:/match-outcome/Staging', { name: 'match-outcome', stage: 'Staging' }],
  ])('%s', (uri, parsed) => {
    expect(parseModelUri(uri)).toEqual(parsed);
  });
});

describe('a registered version is refused', () => {
  it('when no such alias, version or model is registered, by name', async () => {
    await expect(open('models:/match-outcome@Absent').resolve()).rejects.toThrow(/Absent not found/);
    await expect(open('models:/match-outcome/9').resolve()).rejects.toThrow(/version=9\) not found/);
    await expect(open('models:/other/1').resolve()).rejects.toThrow(/name=other not found/);
  });

  it('when it carries no digest, with the remedy', async () => {
    await shipped.add('3', { 'model.onnx': 'x' }, { 'kickoff.digest': 'md5:1' });
    await expect(open('models:/match-outcome/3').resolve()).rejects.toThrow(
      /tag kickoff\.digest of version 3/,
    );
  });

  it('when a file, or the list of digests, was changed after it was registered', async () => {
    await shipped.add('4', { 'model.onnx': 'honest', 'teams.json': '{}' });
    const registry = open('models:/match-outcome/4');
    const ref = await registry.resolve();
    const place = path.join(shipped.folder, 'match-outcome/4');
    await writeFile(path.join(place, 'model.onnx'), 'forged');
    await expect(registry.download(ref)).rejects.toThrow(/model\.onnx does not have the digest/);
    await expect(registry.download(ref, ['teams.json'])).resolves.toBeDefined();
    await writeFile(path.join(place, 'SHA256SUMS'), 'forged');
    await expect(registry.download(ref)).rejects.toThrow(/SHA256SUMS does not have the registered digest/);
  });

  it('when a file is larger than allowed', async () => {
    const registry = open('models:/match-outcome/1', { maxBytes: 100 });
    await expect(registry.download(await registry.resolve())).rejects.toThrow(/larger than 100 bytes/);
  });

  it('when its list of digests names a file outside of its folder', async () => {
    const { createHash } = await import('node:crypto');
    const sums = `${'0'.repeat(64)}  ../../etc/passwd\n`;
    const digest = createHash('sha256').update(sums).digest('hex');
    await shipped.add('5', { 'model.onnx': 'x' }, { 'kickoff.digest': `sha256:${digest}` });
    await writeFile(path.join(shipped.folder, 'match-outcome/5/SHA256SUMS'), sums);
    const registry = open('models:/match-outcome/5');
    await expect(registry.download(await registry.resolve())).rejects.toThrow(/bad line/);
  });
});

describe('a registry that cannot be used', () => {
  it('is unavailable when nothing listens, after a few tries', async () => {
    const registry = createRegistry({ trackingUri: 'http://127.0.0.1:1', modelUri: 'models:/m/1' });
    await expect(registry.resolve()).rejects.toMatchObject({ name: 'RegistryUnavailable' });
  });

  it.each([
    [503, 'RegistryUnavailable', /answers 503/],
    [429, 'RegistryUnavailable', /answers 429/],
    [401, 'ModelRefused', /refuses the credentials/],
    [200, 'ModelRefused', /does not answer JSON/],
  ])('answering %i is %s', async (status, name, message) => {
    const fake = http.createServer((_, response) => response.writeHead(status).end('<html>'));
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
    const { port } = fake.address() as AddressInfo;
    const registry = createRegistry({ trackingUri: `http://127.0.0.1:${port}`, modelUri: 'models:/m/1' });
    await expect(registry.resolve()).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message) as string,
    });
    fake.close();
  });

  it('sends basic credentials before a token', async () => {
    const seen: (string | undefined)[] = [];
    const fake = http.createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(404).end('{}');
    });
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
    const trackingUri = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`;
    for (const credentials of [{ username: 'u', password: 'p', token: 't' }, { token: 't' }, {}])
      await expect(
        createRegistry({ trackingUri, modelUri: 'models:/m/1', credentials }).resolve(),
      ).rejects.toThrow('404');
    expect(seen).toEqual(['Basic dTpw', 'Bearer t', undefined]);
    fake.close();
  });
});

describe('a registered version', () => {
  it('is found by alias, by version and as the newest, and seen at once when the alias moves', async () => {
    const byAlias = open('models:/match-outcome@Production');
    expect(await byAlias.resolve()).toMatchObject({ version: '1', ratingsAsOf: '2025-05-25' });
    await shipped.alias('Production', '2');
    expect(await byAlias.resolve()).toMatchObject({ version: '2' });
    expect(await open('models:/match-outcome/Production').resolve()).toMatchObject({ version: '2' });
    expect(await open('models:/match-outcome/1').resolve()).toMatchObject({ version: '1' });
    expect(Number((await open('models:/match-outcome/latest').resolve()).version)).toBeGreaterThanOrEqual(2);
  });

  it('is downloaded whole', async () => {
    const registry = open('models:/match-outcome/2');
    const artifact = await registry.download(await registry.resolve());
    expect(Buffer.from(fileOf(artifact, 'model.onnx')).toString()).toBe('two');
    expect(() => fileOf(artifact, 'absent.json')).toThrow(/match-outcome version 2 has no file absent.json/);
  });

  it('that cannot be written leaves nothing behind, and the last good one as it was', async () => {
    const cacheFolder = await mkdtemp(path.join(tmpdir(), 'last-good-'));
    const registry = open('models:/match-outcome/1', { cacheFolder });
    const good = await registry.download(await registry.resolve());
    await registry.keep(good);
    const bytes = new Uint8Array(1);
    const files = new Map([
      ['place', bytes],
      ['place/below', bytes],
    ]);
    const ref = await open('models:/match-outcome/2').resolve();
    await expect(registry.keep({ ref, files })).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect((await readdir(cacheFolder)).sort()).toEqual([good.ref.digest, 'last-good.json'].sort());
    expect((await registry.kept())?.files).toEqual(good.files);
  });

  it('is kept by several replicas at the same moment', async () => {
    const cacheFolder = await mkdtemp(path.join(tmpdir(), 'last-good-'));
    const replicas = Array.from({ length: 4 }, () => open('models:/match-outcome/1', { cacheFolder }));
    const artifact = await open('models:/match-outcome/1').download(
      await open('models:/match-outcome/1').resolve(),
    );
    for (let round = 0; round < 20; round++)
      await Promise.all(replicas.map((registry) => registry.keep(artifact)));
    expect((await readdir(cacheFolder)).sort()).toEqual([artifact.ref.digest, 'last-good.json'].sort());
    expect((await replicas[0]?.kept())?.files).toEqual(artifact.files);
  });

  it('is kept as the last good one, alone, and checked again', async () => {
    const cacheFolder = await mkdtemp(path.join(tmpdir(), 'last-good-'));
    const registry = open('models:/match-outcome/1', { cacheFolder });
    expect(await registry.kept()).toBeUndefined();
    const artifact = await registry.download(await registry.resolve());
    await registry.keep(artifact);
    expect((await readdir(cacheFolder)).sort()).toEqual([artifact.ref.digest, 'last-good.json'].sort());
    const kept = await registry.kept();
    expect(kept?.files).toEqual(artifact.files);
    expect(kept?.ref).toEqual(artifact.ref);
    await writeFile(path.join(cacheFolder, artifact.ref.digest, 'model.onnx'), 'forged');
    await expect(registry.kept()).rejects.toThrow(/does not have the digest/);
  });
});
