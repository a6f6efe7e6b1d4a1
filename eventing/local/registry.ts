import { open, readdir, readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { listen } from './listen.ts';

/** `registered-models.json` of a registry folder: `python -m model register` writes it, and the files beside it. */
const RegisteredModels = v.record(
  v.string(),
  v.object({
    aliases: v.record(v.string(), v.string()),
    versions: v.array(
      v.object({
        version: v.string(),
        creation_timestamp: v.number(),
        last_updated_timestamp: v.number(),
        run_id: v.string(),
        source: v.string(),
        status: v.string(),
        tags: v.record(v.string(), v.string()),
      }),
    ),
  }),
);
type RegisteredModel = v.InferOutput<typeof RegisteredModels>[string];

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
const notFound = (message: string): Refusal => new Refusal(404, 'RESOURCE_DOES_NOT_EXIST', message);

/**
 * Serves a registry folder on loopback by the routes of MLflow's REST API 2.0 that the functions read, read-only. The shipped model thus comes by
 * the same path as a real server's. Each call reads the folder anew, so a moved alias is seen at once.
 */
export async function startRegistry(
  registryFolder: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const folder = path.resolve(registryFolder);
  const server = http.createServer((request, response) => {
    answer(folder, request, response).catch((error: unknown) => {
      const { status, code } = error instanceof Refusal ? error : { status: 500, code: 'INTERNAL_ERROR' };
      const message = error instanceof Error ? error.message : String(error);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error_code: code, message }));
    });
  });
  const url = await listen(server, 0);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(
  folder: string,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://registry');
  if (request.method !== 'GET')
    throw new Refusal(
      405,
      'INVALID_PARAMETER_VALUE',
      'the local registry is read-only: use python -m model register',
    );
  const artifact = /^\/api\/2\.0\/mlflow-artifacts\/artifacts(?:\/(.+))?$/.exec(url.pathname);
  if (artifact) {
    const [, file] = artifact;
    if (file === undefined) json(response, await list(inside(folder, url.searchParams.get('path') ?? '')));
    else await send(inside(folder, decodeURIComponent(file)), response);
    return;
  }
  const query = (name: string): string => {
    const value = url.searchParams.get(name);
    if (value === null)
      throw new Refusal(400, 'INVALID_PARAMETER_VALUE', `Missing value for required parameter '${name}'.`);
    return value;
  };
  const call = url.pathname.replace(/^\/api\/2\.0\/mlflow\//, '');
  if (call === url.pathname) throw new Refusal(404, 'ENDPOINT_NOT_FOUND', `no such route: ${url.pathname}`);
  const registered = v.parse(
    RegisteredModels,
    JSON.parse(await readFile(path.join(folder, 'registered-models.json'), 'utf8')),
  );
  const name = query('name');
  const model = registered[name];
  if (!model) throw notFound(`Registered Model with name=${name} not found`);
  switch (call) {
    case 'registered-models/alias': {
      const version = model.aliases[query('alias')];
      // MLflow answers 400 here, not 404.
      if (version === undefined)
        throw new Refusal(
          400,
          'INVALID_PARAMETER_VALUE',
          `Registered model alias ${query('alias')} not found.`,
        );
      json(response, { model_version: describe(name, model, version) });
      return;
    }
    case 'model-versions/get':
      json(response, { model_version: describe(name, model, query('version')) });
      return;
    case 'registered-models/get-latest-versions': {
      // The folder knows no stages: an alias of that name stands for one.
      const stages = url.searchParams.getAll('stages');
      const versions =
        stages.length > 0 ? stages.flatMap((stage) => model.aliases[stage] ?? []) : newest(model);
      json(response, { model_versions: versions.map((version) => describe(name, model, version)) });
      return;
    }
    case 'model-versions/get-download-uri':
      describe(name, model, query('version'));
      json(response, { artifact_uri: `mlflow-artifacts:/${name}/${query('version')}` });
      return;
    default:
      throw new Refusal(404, 'ENDPOINT_NOT_FOUND', `no such route: ${url.pathname}`);
  }
}

function newest({ versions }: RegisteredModel): string[] {
  return versions
    .toSorted((a, b) => Number(b.version) - Number(a.version))
    .slice(0, 1)
    .map(({ version }) => version);
}

function describe(name: string, model: RegisteredModel, version: string): object {
  const found = model.versions.find((each) => each.version === version);
  if (!found) throw notFound(`Model Version (name=${name}, version=${version}) not found`);
  return {
    ...found,
    name,
    current_stage: 'None',
    aliases: Object.keys(model.aliases).filter((alias) => model.aliases[alias] === version),
    tags: Object.entries(found.tags).map(([key, value]) => ({ key, value })),
  };
}

/** A path below the folder; refuses one that would leave it. */
function inside(folder: string, relative: string): string {
  const file = path.resolve(folder, relative);
  if (file !== folder && !file.startsWith(folder + path.sep)) throw notFound(`no such artifact: ${relative}`);
  return file;
}

async function list(folder: string): Promise<object> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries.map(async (entry) => ({
    path: entry.name,
    is_dir: entry.isDirectory(),
    ...(entry.isDirectory() ? {} : { file_size: String((await stat(path.join(folder, entry.name))).size) }),
  }));
  return { files: await Promise.all(files) };
}

async function send(file: string, response: http.ServerResponse): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw notFound(`no such artifact: ${path.basename(file)}`);
  // Opened before the answer begins: a failure can still be told.
  const handle = await open(file);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': found.size });
  // A client that leaves early closes it.
  await pipeline(handle.createReadStream(), response).catch(() => undefined);
}

function json(response: http.ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
