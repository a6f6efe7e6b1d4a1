import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRegistry } from '../../eventing/local/registry.ts';
import { signingKey } from '../signing.ts';
import { bundle, functionNames } from '../../functions/bundle.ts';
import { debian } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { until } from '../until.ts';
import { buildah, localBase, type Buildah } from './base.ts';

const root = path.resolve(import.meta.dirname, '../..');
const program = await debian('buildah', 'buildah');

/** Why no image can be built here, or undefined: a sandbox may forget to allow mounts and namespaces. */
function obstacle(): string | undefined {
  if ('missing' in program) return program.missing;
  if (process.getuid?.() !== 0) return 'buildah with chroot isolation needs root';
  const tool = buildah(program.path);
  try {
    tool.run('from', '--name', 'probe', 'scratch');
    tool.run('mount', 'probe');
    tool.run('umount', 'probe');
    return undefined;
  } catch (error) {
    return `buildah cannot mount here: ${String(error)}`;
  } finally {
    tool.remove();
  }
}
const why = obstacle();
if (why !== undefined) console.warn(`skipped, ${why}`);

/** Env with which a function gets ready beside a registry, and nothing else. */
function environment(name: string, registry: string): Record<string, string> {
  const store = { STORE_URL: 'sqlite:/tmp/store.db' };
  if (name === 'cache-write') return { ...store, SIGNING_KEYS: signingKey, K_SINK: 'http://127.0.0.1:9/' };
  if (name === 'predict') return { MLFLOW_TRACKING_URI: registry, SIGNING_KEYS: signingKey };
  return {
    ...store,
    MLFLOW_TRACKING_URI: registry,
    SIGNING_KEYS: signingKey,
    AMQP_URL: 'amqp://127.0.0.1:1',
    PREDICT_URL: 'http://127.0.0.1:1',
  };
}
/** MiB that a function may add to its base. */
const budgets: Record<string, number> = { 'cache-write': 2, ingress: 4, predict: 60 };

describe.skipIf(why !== undefined)('images, built by buildah from a local base', () => {
  let tool: Buildah;
  let base: string;
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  beforeAll(async () => {
    if (!('path' in program)) return;
    for (const name of functionNames()) await bundle(name);
    registry = await startRegistry(path.join(root, 'model/registry'));
    tool = buildah(program.path);
    base = localBase(tool);
  });
  afterAll(async () => {
    await registry.close();
    tool.remove();
  });

  test.each(functionNames())(
    '%s: small, not root, and its process 1 is node',
    { timeout: 240_000 },
    async (name) => {
      const folder = path.join(root, 'functions', name);
      tool.run(
        'build',
        '--isolation',
        'chroot',
        '--build-arg',
        `BASE=${base}`,
        '-t',
        `localhost/${name}`,
        folder,
      );
      const inspected = JSON.parse(tool.run('inspect', '--type', 'image', `localhost/${name}`)) as {
        OCIv1: { config: { User: string; Cmd: string[] } };
      };
      expect(inspected.OCIv1.config).toMatchObject({ User: '1000:1000', Cmd: ['node', 'dist/main.mjs'] });

      tool.run('from', '--name', name, `localhost/${name}`);
      const app = path.join(tool.run('mount', name), 'app');
      const files = readdirSync(app, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      const sizes = files.map((entry) => readFileSync(path.join(entry.parentPath, entry.name)).length);
      const mib = sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20;
      console.log(`${name}: ${mib.toFixed(1)} MiB in ${files.length} files above its base`);
      expect(mib).toBeLessThan(budgets[name] ?? 0);
      const native = files.filter((entry) => /\.(node|so(\.\d+)*|dll|dylib)$/.test(entry.name));
      expect(
        native
          .map(({ parentPath }) => path.relative(app, parentPath))
          .filter((place) => !place.endsWith('napi-v6/linux/x64')),
      ).toEqual([]);
      expect(files.map((entry) => entry.name).filter((file) => file.startsWith('local-'))).toEqual([]);

      const port = await freePort();
      const variables = { ...environment(name, registry.url), ADDRESS: '127.0.0.1', PORT: String(port) };
      const env = Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const [command, ...args] = tool.command;
      const container = spawn(command, [
        ...args,
        'run',
        '--isolation',
        'chroot',
        '--user',
        '1000:1000',
        ...env,
        name,
        '--',
        ...inspected.OCIv1.config.Cmd,
      ]);
      let output = '';
      for (const stream of [container.stdout, container.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      const ready = async (): Promise<boolean> => {
        if (ended(container)) throw new Error(`${name} ended: ${output}`);
        const answer = await fetch(`http://127.0.0.1:${port}/health/readiness`).catch(() => undefined);
        return answer?.status === 200;
      };
      await until(ready, { deadline: 60_000, what: `${name} is ready` });
      if (!ended(container)) {
        const exited = once(container, 'exit');
        container.kill('SIGTERM');
        await exited;
      }
    },
  );
});

function ended({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
