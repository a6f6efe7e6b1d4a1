import { setTimeout as wait } from 'node:timers/promises';
import { http, loadHttps } from '../builtins.ts';
import { ModelRefused, RegistryUnavailable, VersionAbsent } from './registry-errors.ts';

/** Basic wins over bearer, as in MLflow's own client. */
export type Credentials = { username?: string; password?: string; token?: string };

/** MLflow's REST API 2.0 and its artifact proxy. */
export type MlflowRest = {
  get(call: string, query?: Record<string, string>): Promise<unknown>;
  /** Bytes of one file below an artifact URI (`mlflow-artifacts:` only), at most `maxBytes`. */
  file(artifactUri: string, name: string, maxBytes: number): Promise<Buffer>;
};

const attempts = 3;

/** A client for one tracking server; each request is tried 3 times within its own `timeoutMs`. */
export function mlflowRest(options: { trackingUri: string; timeoutMs: number } & Credentials): MlflowRest {
  const tracking = options.trackingUri.replace(/(?<!\/)\/+$/, '');
  if (!/^https?:\/\//.test(tracking))
    throw new ModelRefused(`MLFLOW_TRACKING_URI ${tracking} is not an http:// or https:// URL`);
  const authorization = authorizationOf(options);
  // node:http rather than fetch: undici's first use costs a cold start some 20 ms.
  const client = tracking.startsWith('https:') ? loadHttps() : http;
  const agent = new client.Agent({ keepAlive: true });

  function once(url: URL, maxBytes: number): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const request = client.get(url, {
        agent,
        headers: authorization === undefined ? {} : { authorization },
        signal: AbortSignal.timeout(options.timeoutMs),
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) {
            reject(new ModelRefused(`${url.pathname} is larger than ${maxBytes} bytes`));
            request.destroy();
          } else chunks.push(chunk);
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
        });
      });
    });
  }

  async function get(url: URL, maxBytes: number): Promise<Buffer> {
    let reason = '';
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await wait(100 * 2 ** attempt * (0.5 + Math.random() / 2));
      try {
        const { status, body } = await once(url, maxBytes);
        if (status === 200) return body;
        if (status < 500 && status !== 429) throw refusal(url, status, body);
        reason = `answers ${status}: ${messageOf(body)}`;
      } catch (error) {
        if (error instanceof ModelRefused) throw error;
        reason = error instanceof Error ? error.message || error.name : String(error);
      }
    }
    throw new RegistryUnavailable(`the model registry ${tracking} cannot be used (${reason})`);
  }

  return {
    async get(call, query = {}) {
      const body = await get(
        new URL(`${tracking}/api/2.0/mlflow/${call}?${new URLSearchParams(query).toString()}`),
        2 ** 20,
      );
      try {
        return JSON.parse(body.toString('utf8')) as unknown;
      } catch (cause) {
        throw new ModelRefused(
          `the model registry does not answer JSON to ${call}: is it an MLflow server?`,
          { cause },
        );
      }
    },
    file(artifactUri, name, maxBytes) {
      const [, host, folder] = /^mlflow-artifacts:(?:\/\/([^/]+))?\/(.*)$/.exec(artifactUri) ?? [];
      if (folder === undefined)
        throw new ModelRefused(
          `artifacts at ${artifactUri} are not served by the registry: start it with --serve-artifacts and a mlflow-artifacts:/ root`,
        );
      const server = host === undefined ? tracking : `${new URL(tracking).protocol}//${host}`;
      const segments = [...folder.split('/'), ...name.split('/')].filter(Boolean).map(encodeURIComponent);
      return get(new URL(`${server}/api/2.0/mlflow-artifacts/artifacts/${segments.join('/')}`), maxBytes);
    },
  };
}

function authorizationOf({ username, password, token }: Credentials): string | undefined {
  if (username !== undefined && password !== undefined)
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return token === undefined ? undefined : `Bearer ${token}`;
}

function refusal(url: URL, status: number, body: Buffer): ModelRefused {
  if (status === 401 || status === 403)
    return new ModelRefused(
      `the model registry refuses the credentials (${status}): set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN`,
    );
  // A missing alias answers 400, not 404.
  const Refusal = status === 400 || status === 404 ? VersionAbsent : ModelRefused;
  // Without the server's address: callers may read it as the reason why a version is refused.
  return new Refusal(
    `the model registry answers ${status} to ${url.pathname}${url.search}: ${messageOf(body)}`,
  );
}

/** The message of MLflow's error JSON, or the beginning of any other body. */
function messageOf(body: Buffer): string {
  const text = body.toString('utf8');
  return /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.slice(0, 200);
}
