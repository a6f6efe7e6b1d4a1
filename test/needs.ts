import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lockFile } from './lock.ts';

const root = path.resolve(import.meta.dirname, '..');
const cache = path.join(root, '.cache');

/** What a test needs beyond npm, found or installed: `path` where it is, or `missing` with the line that says what to do. */
export type Need = { path: string } | { missing: string };

function run(command: string, args: string[], env?: Record<string, string>): { ok: boolean; tail: string } {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 900_000,
    env: { ...process.env, ...env },
  });
  return { ok: status === 0, tail: `${stdout}${stderr}`.trim().split('\n').slice(-3).join(' ') };
}

function which(program: string): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/lib/rabbitmq/bin'];
  return places.map((place) => path.join(place, program)).find((file) => existsSync(file));
}

function unavailable(what: string, remedy: string): Need {
  const missing = `needs ${what}: ${remedy}`;
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`skipped, ${missing}`);
  return { missing };
}

/** A program of a Debian package: on the PATH, or installed by apt-get as root. Refused with the reason when neither works. */
export async function debian(program: string, packageName: string): Promise<Need> {
  const found = which(program);
  if (found) return { path: found };
  const remedy = `apt-get install -y ${packageName}`;
  if (process.getuid?.() !== 0 || !which('apt-get')) return unavailable(program, remedy);
  return lockFile(path.join(cache, 'apt.lock'), () => {
    if (!which(program)) {
      const install = ['install', '-y', '--no-install-recommends', packageName];
      // Packages start their services when they are configured; tests start their own on free ports.
      const policy = '/usr/sbin/policy-rc.d';
      const mine = !existsSync(policy);
      if (mine) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
      try {
        if (!run('apt-get', install).ok) {
          run('apt-get', ['update']);
          const { ok, tail } = run('apt-get', install);
          if (!ok) return unavailable(program, `${remedy} (failed: ${tail})`);
        }
      } finally {
        if (mine) rmSync(policy);
      }
    }
    const installed = which(program);
    return installed ? { path: installed } : unavailable(program, remedy);
  });
}

/** A Python virtual environment with the packages of a requirements file (path from the root), cached by its content. */
export async function python(requirements: string): Promise<Need> {
  const file = path.join(root, requirements);
  const hash = createHash('sha256').update(readRequirements(file)).digest('hex').slice(0, 12);
  const venv = path.join(cache, `venv-${hash}`);
  const interpreter = path.join(venv, 'bin/python');
  return lockFile(path.join(cache, `venv-${hash}.lock`), () => {
    if (existsSync(path.join(venv, '.complete'))) return { path: interpreter };
    const python3 = which('python3');
    if (!python3) return unavailable('python3', 'apt-get install -y python3 python3-venv');
    rmSync(venv, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    const made = run(python3, ['-m', 'venv', venv]);
    if (!made.ok)
      return unavailable('python3-venv', `apt-get install -y python3-venv (failed: ${made.tail})`);
    const installed = run(interpreter, ['-m', 'pip', 'install', '-q', '-r', file]);
    if (!installed.ok)
      return unavailable(requirements, `pip install -r ${requirements} (failed: ${installed.tail})`);
    writeFileSync(path.join(venv, '.tmp'), '');
    renameSync(path.join(venv, '.tmp'), path.join(venv, '.complete'));
    return { path: interpreter };
  });
}

/** A program from the Go module proxy, such as `sigs.k8s.io/kustomize/kustomize/v5@v5.8.1`, built once into the cache. */
export async function goTool(module: string): Promise<Need> {
  const folder = path.join(cache, 'go', module.replaceAll('/', '_'));
  const program = (module.split('@')[0] ?? '').split('/').findLast((part) => !/^v\d+$/.test(part)) ?? '';
  return lockFile(`${folder}.lock`, () => {
    const built = path.join(folder, program);
    if (existsSync(built)) return { path: built };
    const go = which('go');
    if (!go) return unavailable('go', `install Go, then: go install ${module}`);
    const { ok, tail } = run(go, ['install', module], { GOBIN: folder });
    return ok ? { path: built } : unavailable(program, `go install ${module} (failed: ${tail})`);
  });
}

/** The folder of a Go module's source, such as `knative.dev/serving@v0.49.0`, as the Go module proxy has it. */
export async function goModule(module: string): Promise<Need> {
  const go = which('go');
  if (!go) return unavailable('go', `install Go, then: go mod download ${module}`);
  const { stdout } = spawnSync(go, ['mod', 'download', '-json', module], {
    cwd: tmpdir(),
    encoding: 'utf8',
    timeout: 300_000,
  });
  const { Dir: folder, Error: fault = '' } = JSON.parse(stdout || '{}') as { Dir?: string; Error?: string };
  return folder === undefined
    ? unavailable(module, `go mod download ${module} (failed: ${fault})`)
    : { path: folder };
}

/** A Go program of this project (its folder from the root), built with `flags` into the cache whenever its files change. */
export async function goProgram(folder: string, flags: readonly string[] = []): Promise<Need> {
  const source = path.join(root, folder);
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(path.join(source, file)));
  const name = path.basename(folder);
  const built = path.join(cache, 'go', `${name}-${hash.digest('hex').slice(0, 12)}`);
  return lockFile(`${built}.lock`, () => {
    if (existsSync(built)) return { path: built };
    const go = which('go');
    if (!go) return unavailable('go', `install Go, then: cd ${folder} && go build`);
    const { ok, tail } = run(go, ['build', '-C', source, ...flags, '-o', `${built}.new`, '.']);
    if (!ok) return unavailable(name, `go build -C ${folder} (failed: ${tail})`);
    renameSync(`${built}.new`, built);
    return { path: built };
  });
}

/** The text of a requirements file with the files that it names by `-r`. */
function readRequirements(file: string): string {
  return readFileSync(file, 'utf8').replace(/^-r (.+)$/gm, (_, name: string) =>
    readRequirements(path.join(path.dirname(file), name.trim())),
  );
}
