import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const onnx = path.join(root, 'node_modules/onnxruntime-node/bin/napi-v6/linux', process.arch);

/** buildah with a storage of its own, which `remove` takes away with all that was built in it. */
export type Buildah = {
  run: (...args: string[]) => string;
  command: [string, ...string[]];
  remove: () => void;
};

/** `program` is buildah's path. */
export function buildah(program: string): Buildah {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-images-'));
  const storage = ['--root', `${folder}/root`, '--runroot', `${folder}/run`, '--storage-driver', 'vfs'];
  const run = (...args: string[]): string =>
    execFileSync(program, [...storage, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 240_000,
    }).trim();
  return {
    run,
    command: [program, ...storage],
    remove() {
      for (const container of run('containers', '-q').split('\n').filter(Boolean)) run('rm', container);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A glibc base of this machine's own files, for want of a registry: Node 24 of this project, npm, a shell and what they load. Returns the
 * image's name.
 */
export function localBase({ run }: Buildah): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-base-'));
  const put = (from: string, to: string): void => {
    mkdirSync(path.join(folder, path.dirname(to)), { recursive: true });
    cpSync(from, path.join(folder, to), { dereference: true, recursive: true });
  };
  const programs = ['sh', 'rm', 'mv', 'mkdir'].map((name) => [`/bin/${name}`, `/bin/${name}`] as const);
  const files = [...programs, [path.join(root, 'node_modules/node/bin/node'), '/usr/bin/node'] as const];
  for (const [from, to] of files) put(from, to);
  // The libraries of a whole glibc, which Node alone does not need.
  const loaded = [
    ...files.map(([from]) => from),
    `${onnx}/libonnxruntime.so.1`,
    `${onnx}/onnxruntime_binding.node`,
  ];
  const libraries = loaded.flatMap(
    (file) => execFileSync('ldd', [file], { encoding: 'utf8' }).match(/(?<!\S)\/\S*\.so\S*/g) ?? [],
  );
  for (const library of new Set(libraries)) if (!library.startsWith(onnx)) put(library, library);
  const npm = execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim();
  put(path.resolve(npm, '../..'), '/usr/lib/npm');
  writeFileSync(path.join(folder, 'usr/bin/npm'), '#!/bin/sh\nexec node /usr/lib/npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  if (existsSync(authorities)) put(authorities, authorities);
  mkdirSync(path.join(folder, 'tmp'));
  chmodSync(path.join(folder, 'tmp'), 0o1777);
  mkdirSync(path.join(folder, 'root'));
  run('from', '--name', 'base', 'scratch');
  run('add', 'base', folder, '/');
  run(
    'config',
    '--env',
    'PATH=/usr/bin:/bin',
    '--env',
    `NODE_EXTRA_CA_CERTS=${authorities}`,
    '--env',
    'npm_config_fetch_retries=1',
    'base',
  );
  run('commit', '-q', 'base', 'localhost/base');
  rmSync(folder, { recursive: true });
  return 'localhost/base';
}
