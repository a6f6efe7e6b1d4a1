import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { httpUrl, modelEntries, readConfig } from '../../functions/shared/config.ts';
import { configuredRegistry } from '../../functions/shared/model/configured-registry.ts';
import { RegistryUnavailable } from '../../functions/shared/model/registry-errors.ts';
import { ClusterFault } from './cluster/kubectl.ts';
import { readParams } from './yaml/params.ts';
import { portForward } from './cluster/port-forward.ts';
import { tryToLoad } from './model-version.ts';

const Registry = v.record(
  v.string(),
  v.object({
    aliases: v.record(v.string(), v.string()),
    versions: v.array(v.object({ version: v.string(), tags: v.record(v.string(), v.string()) })),
  }),
);
const Id = v.object({ experiment_id: v.string() });
const Experiment = v.object({ experiment: Id });
const Run = v.object({
  run: v.object({
    info: v.object({
      run_id: v.string(),
      artifact_uri: v.pipe(
        v.string(),
        v.startsWith('mlflow-artifacts:', 'needs a server with --serve-artifacts'),
      ),
    }),
  }),
});
const Made = v.object({ model_version: v.object({ version: v.string() }) });

/**
 * Registers the version that ships with the project (model/registry) in an MLflow server, with its alias, by MLflow's REST API 2.0. If the alias
 * already means a version there, the server stays as it is. Returns the lines to show. Throws `ClusterFault`, also where the functions cannot load
 * what the alias means, or what it would mean.
 */
export async function publishModel(root: string, server: string): Promise<string[]> {
  const folder = path.join(root, 'model/registry');
  const models = v.parse(
    Registry,
    JSON.parse(readFileSync(path.join(folder, 'registered-models.json'), 'utf8')),
  );
  const lines: string[] = [];
  for (const [name, { aliases, versions }] of Object.entries(models))
    for (const [alias, held] of Object.entries(aliases)) {
      const query = new URLSearchParams({ name, alias }).toString();
      // A missing alias answers 400, a missing model 404.
      const found = await call(server, 'GET', `mlflow/registered-models/alias?${query}`);
      if (found.status === 200) {
        const { version } = v.parse(Made, found.body).model_version;
        const fault = await faultOf(server, `models:/${name}@${alias}`);
        if (fault !== undefined)
          throw new ClusterFault(
            `${name}@${alias} is version ${version} already, which the functions cannot load: ${fault}\nmend it, or: python -m model promote --version <one that can be loaded>`,
          );
        lines.push(`${name}@${alias} is version ${version} already`);
        continue;
      }
      const tags = versions.find(({ version }) => version === held)?.tags ?? {};
      const version = await register(server, name, path.join(folder, name, held), tags);
      const fault = await faultOf(server, `models:/${name}/${version}`);
      if (fault !== undefined) {
        await must(server, 'DELETE', 'mlflow/model-versions/delete', { name, version });
        throw new ClusterFault(
          `the functions could not load the model from ${server}: ${fault}\nnothing is registered, ${alias} was not moved`,
        );
      }
      await must(server, 'POST', 'mlflow/registered-models/alias', { name, alias, version });
      lines.push(`${name} version ${version} registered in ${server}, ${alias} means it`);
    }
  return lines;
}

/** Why the functions cannot load what a model URI names; undefined if they can. */
async function faultOf(server: string, modelUri: string): Promise<string | undefined> {
  const config = readConfig(v.object(modelEntries), {
    ...{ ...process.env, MODEL_CACHE_DIR: undefined },
    ...{ MLFLOW_TRACKING_URI: server, MODEL_URI: modelUri },
  });
  try {
    return (await tryToLoad(configuredRegistry(config, 'publish-model'))).fault;
  } catch (error) {
    if (error instanceof RegistryUnavailable) throw new ClusterFault(error.message, { cause: error });
    throw error;
  }
}

async function register(
  server: string,
  name: string,
  folder: string,
  tags: Record<string, string>,
): Promise<string> {
  const created = await call(server, 'POST', 'mlflow/registered-models/create', { name });
  if (created.status !== 200 && created.code !== 'RESOURCE_ALREADY_EXISTS') throw refused('create', created);
  // MLflow takes a version's files only from its own run.
  const experiments = await call(server, 'POST', 'mlflow/experiments/create', { name });
  const { experiment_id } =
    experiments.code === 'RESOURCE_ALREADY_EXISTS'
      ? v.parse(
          Experiment,
          await must(
            server,
            'GET',
            `mlflow/experiments/get-by-name?${new URLSearchParams({ experiment_name: name }).toString()}`,
          ),
        ).experiment
      : v.parse(Id, experiments.body);
  const started = await must(server, 'POST', 'mlflow/runs/create', {
    experiment_id,
    start_time: Date.now(),
    run_name: 'shipped',
  });
  const { run_id, artifact_uri } = v.parse(Run, started).run.info;
  const source = `${artifact_uri}/model`;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const artifact = path.posix.join(new URL(source).pathname, path.relative(folder, file));
    await must(server, 'PUT', `mlflow-artifacts/artifacts${artifact}`, readFileSync(file));
  }
  await must(server, 'POST', 'mlflow/runs/update', { run_id, status: 'FINISHED', end_time: Date.now() });
  const made = await must(server, 'POST', 'mlflow/model-versions/create', {
    name,
    source,
    run_id,
    tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
  });
  return v.parse(Made, made).model_version.version;
}

type Answer = { status: number; body: unknown; code: string; words: string };
const Failure = v.object({ error_code: v.string(), message: v.string() });

async function call(server: string, method: string, route: string, body?: object): Promise<Answer> {
  const raw = Buffer.isBuffer(body);
  const {
    MLFLOW_TRACKING_USERNAME: user,
    MLFLOW_TRACKING_PASSWORD: password,
    MLFLOW_TRACKING_TOKEN: token,
  } = process.env;
  const authorization = user
    ? `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`
    : token && `Bearer ${token}`;
  const response = await fetch(new URL(`/api/2.0/${route}`, server), {
    method,
    headers: {
      'content-type': raw ? 'application/octet-stream' : 'application/json',
      ...(authorization ? { authorization } : {}),
    },
    ...(body === undefined ? {} : { body: raw ? new Uint8Array(body) : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  }).catch((error: unknown) => {
    throw new ClusterFault(
      `no MLflow at ${server} (MLFLOW_TRACKING_URI; without it the command asks that of the cluster)`,
      { cause: error },
    );
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const failure = v.safeParse(Failure, parsed);
  return {
    status: response.status,
    body: parsed,
    code: failure.success ? failure.output.error_code : '',
    words: failure.success ? failure.output.message : text.slice(0, 200),
  };
}

async function must(server: string, method: string, route: string, body?: object): Promise<unknown> {
  const answer = await call(server, method, route, body);
  if (answer.status !== 200) throw refused(route, answer);
  return answer.body;
}

function refused(route: string, { status, code, words }: Answer): ClusterFault {
  return new ClusterFault(`MLflow answered ${route} with ${status} ${code}: ${words}`);
}

const help = `npm run publish-model

Registers the model that ships with the project in MLflow, without Python. An alias that means a version already stays; whether the functions can
load that one is checked.

  MLFLOW_TRACKING_URI   the server (default: the cluster's own, by a port-forward of kubectl); MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN

Exit code: 0 registered or there already, 1 MLflow did not take it or cannot be reached, 2 wrong usage.`;

if (import.meta.main) {
  const command = ofProcess();
  process.exitCode = await runCommand(command, { help, options: {} }, async (): Promise<Exit> => {
    const root = path.resolve(import.meta.dirname, '../..');
    const given = v.safeParse(v.optional(httpUrl), command.env['MLFLOW_TRACKING_URI'] || undefined);
    if (!given.success) throw new Refusal(`MLFLOW_TRACKING_URI ${given.issues[0].message}`);
    const elsewhere = given.output;
    const forward = elsewhere ? undefined : await portForward(readParams(root).namespace, 'mlflow', 5000);
    try {
      for (const line of await publishModel(root, forward?.url ?? elsewhere ?? '')) command.print(line);
    } finally {
      forward?.close();
    }
    return 0;
  });
}
