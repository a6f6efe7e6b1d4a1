import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listAt, parseDocuments, podSpec, textAt } from '../../manifests/commands/yaml/bundle.ts';
import { localModelFinding } from '../../manifests/commands/doctor/model.ts';
import { publishModel } from '../../manifests/commands/publish-model.ts';
import { quantity } from '../../manifests/commands/yaml/resources.ts';
import { python } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { end, ready, start, type Running } from '../servers/process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const mlflow = await python('model/requirements-mlflow.txt');

const [container] = parseDocuments(
  readFileSync(path.join(root, 'manifests/base/mlflow.yaml'), 'utf8'),
).flatMap((document) => listAt(podSpec(document), 'containers'));
const env: Record<string, string> = {
  NAMESPACE: 'kickoff',
  ...Object.fromEntries(
    listAt(container, 'env').flatMap((one) => {
      const value = textAt(one, 'value');
      return value === undefined ? [] : [[textAt(one, 'name') ?? '', value]];
    }),
  ),
};

/** The command of manifests/base/mlflow.yaml, as the container would run it, on another port and volume. */
function manifestCommand(port: number, data: string): string[] {
  return listAt(container, 'command').map((word) =>
    String(word)
      .replace(/\$\((\w+)\)/g, (_, name: string) => env[name] ?? '')
      .replace('--port=5000', `--port=${port}`)
      .replace('--host=0.0.0.0', '--host=127.0.0.1')
      .replace('/data/', `${data}/`),
  );
}

/** Resident MiB of the processes of a group. */
function residentMib(group: number | undefined): number {
  const listed = execFileSync('ps', ['-eo', 'pgid=,rss='], { encoding: 'utf8' });
  return listed
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .reduce((sum, [pgid, rss = 0]) => (pgid === group ? sum + rss / 1024 : sum), 0);
}

describe.skipIf('missing' in mlflow)('MLflow as the manifest starts it', () => {
  const data = mkdtempSync(path.join(tmpdir(), 'kickoff-mlflow-'));
  let server: Running;
  let url: string;
  beforeAll(async () => {
    if (!('path' in mlflow)) return;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    mkdirSync(path.join(data, 'artifacts'));
    const bin = path.dirname(mlflow.path);
    const [program = '', ...args] = manifestCommand(port, data);
    server = start(path.join(bin, program), args, { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` });
    await ready(
      server,
      async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok ?? false,
      120_000,
    );
  });
  afterAll(async () => {
    await end(server, 'SIGTERM');
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  });

  async function statusFor(host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const path = '/api/2.0/mlflow/registered-models/search';
      request(`${url}${path}`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  }

  test('is asked by its names in the cluster and through port-forward, and by no other', async () => {
    for (const host of [
      'mlflow.kickoff.svc.cluster.local:5000',
      'mlflow:5000',
      'mlflow.kickoff.svc:5000',
      'localhost:5000',
    ])
      expect({ host, status: await statusFor(host) }).toEqual({ host, status: 200 });
    expect(await statusFor('evil.example.org')).toBe(403);
  });

  test('takes the shipped model once, which is then the one the alias means', async () => {
    expect(await publishModel(root, url)).toEqual([
      `match-outcome version 1 registered in ${url}, Production means it`,
    ]);
    expect(await publishModel(root, url)).toEqual(['match-outcome@Production is version 1 already']);
    const uri = await fetch(
      `${url}/api/2.0/mlflow/model-versions/get-download-uri?name=match-outcome&version=1`,
    );
    const { artifact_uri: place } = (await uri.json()) as { artifact_uri: string };
    const file = await fetch(
      `${url}/api/2.0/mlflow-artifacts/artifacts/${place.replace('mlflow-artifacts:/', '')}/model.onnx`,
    );
    const shipped = readFileSync(path.join(root, 'model/registry/match-outcome/1/model.onnx'));
    expect(Buffer.compare(Buffer.from(await file.arrayBuffer()), shipped)).toBe(0);
  });

  test('finds an alias on a version that the functions cannot load, with the reason, and moves none to one', async () => {
    const mlflow = async (method: 'POST' | 'DELETE', call: string, body: object): Promise<void> => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/2.0/mlflow/${call}`, {
        ...{ method, headers, body: JSON.stringify(body) },
      });
      expect(answer.status, await answer.text()).toBe(200);
    };
    const version = { name: 'match-outcome', version: '1' };
    const finding = () => localModelFinding('', { MLFLOW_TRACKING_URI: url });
    expect(await finding()).toMatchObject({
      ok: true,
      text: expect.stringContaining('version 1') as unknown,
    });
    const get = await fetch(`${url}/api/2.0/mlflow/model-versions/get?name=match-outcome&version=1`);
    const { model_version } = (await get.json()) as {
      model_version: { tags: { key: string; value: string }[] };
    };
    const tag = model_version.tags.find(({ key }) => key === 'kickoff.digest');
    await mlflow('DELETE', 'model-versions/delete-tag', { ...version, key: 'kickoff.digest' });
    expect(await finding()).toEqual({
      ok: false,
      text: expect.stringMatching(
        /^models:\/match-outcome@Production means version 1, which cannot be loaded: .* no tag kickoff\.digest/,
      ) as unknown,
      remedy: expect.stringContaining('python -m model promote') as unknown,
    });
    await expect(publishModel(root, url)).rejects.toThrow(/is version 1 already, .* no tag kickoff\.digest/);

    // The same where the alias does not mean it yet.
    await mlflow('DELETE', 'registered-models/alias', { name: 'match-outcome', alias: 'Production' });
    const copy = mkdtempSync(path.join(tmpdir(), 'kickoff-shipped-'));
    cpSync(path.join(root, 'model/registry'), path.join(copy, 'model/registry'), { recursive: true });
    writeFileSync(path.join(copy, 'model/registry/match-outcome/1/model.onnx'), 'no graph');
    await expect(publishModel(copy, url)).rejects.toThrow(
      /could not load the model .*: .*model\.onnx does not have the digest.*\nnothing is registered, Production was not moved/,
    );
    rmSync(copy, { recursive: true });
    expect(await finding()).toMatchObject({
      text: expect.stringMatching(/means no version: .*Production not found/) as unknown,
    });
    await mlflow('POST', 'model-versions/set-tag', { ...version, ...tag });
    await mlflow('POST', 'registered-models/alias', { ...version, alias: 'Production' });
    expect((await finding()).ok).toBe(true);
  });

  test('stays within the memory that the manifest gives it', () => {
    const limit = quantity(textAt(container, 'resources', 'limits', 'memory') ?? '') / 2 ** 20;
    const resident = residentMib(server.child.pid);
    console.log(`MLflow: ${Math.round(resident)} MiB resident of ${limit} MiB allowed`);
    expect(resident).toBeGreaterThan(50);
    expect(resident).toBeLessThan(0.8 * limit);
  });
});

test('a server that is away is said with the remedy', async () => {
  await expect(publishModel(root, 'http://127.0.0.1:1')).rejects.toThrow(
    /no MLflow at http:\/\/127.0.0.1:1 \(MLFLOW_TRACKING_URI/,
  );
});
