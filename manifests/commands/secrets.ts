import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { isScalar, parse, parseDocument, stringify } from 'yaml';
import { type Exit, ofProcess, Refusal, runCommand } from '../../eventing/commands/command.ts';
import { recipient, runProgram, SecretsFault } from './secrets/age-key.ts';
import { kubectl } from './cluster/kubectl.ts';
import { secretValues } from './cluster/secret.ts';
import { faultsOf, type Secrets } from './secrets/faults.ts';
import { changedOf, prepareServers, renewReaders } from './secrets/hand-over.ts';
import { build } from './yaml/bundle.ts';
import { readParams } from './yaml/params.ts';
import { plaintextInBundle, plaintextInTree } from './secrets/plaintext.ts';
import { groups, newSecrets, ownRabbit, secretManifest } from './secrets/plan.ts';
import { rotate } from './secrets/rotation.ts';

const Clear = v.looseObject({ stringData: v.record(v.string(), v.string()) });

type Env = Readonly<Record<string, string | undefined>>;

const folder = 'manifests/secrets';
const fileOf = (name: string): string => `${folder}/${name}.sops.yaml`;

/**
 * Makes what is missing: the age key, its recipient in .sops.yaml, and an encrypted file for each Secret. Existing files stay. `amqp` is the URL
 * of an existing RabbitMQ.
 */
export function init(root: string, env: Env, amqp?: string): void {
  const rabbit = amqp === undefined ? undefined : ownRabbit(amqp);
  const namespace = readParams(root).namespace;
  // Checked first: without sops a new key would be useless.
  runProgram('sops', ['--help'], { cwd: root });
  addRecipient(root, recipient(root, env));
  mkdirSync(path.join(root, folder), { recursive: true });
  const secrets = newSecrets(namespace, rabbit);
  const exists = (name: string): boolean => existsSync(path.join(root, fileOf(name)));
  for (const group of groups) {
    const existing = group.filter(exists);
    // The password of one would not fit the other.
    if (existing.length > 0 && existing.length < group.length)
      throw new SecretsFault(
        `of ${group.map(fileOf).join(' and ')} only ${existing.map(fileOf).join(', ')} exists; restore the other, or remove it to start anew`,
      );
  }
  const missing = groups.flat().filter((name) => !exists(name));
  for (const name of missing) {
    write(root, name, secretManifest(namespace, name, secrets[name]));
    console.log(`wrote ${fileOf(name)}`);
  }
  if (missing.length === 0) console.log(`${groups.flat().map(fileOf).join(', ')} exist: nothing to do`);
}

/** Writes the file of a Secret, encrypted. */
function write(root: string, name: string, manifest: object): void {
  const args = ['encrypt', '--input-type', 'yaml', '--output-type', 'yaml'];
  const encrypted = runProgram('sops', [...args, '--filename-override', fileOf(name)], {
    input: stringify(manifest),
    cwd: root,
  });
  writeFileSync(path.join(root, fileOf(name)), encrypted);
}

/** Takes the next step of putting a new signing key in the place of the old one, and says what is to be done before the one behind it. */
export function rotateSigning(root: string): void {
  const { namespace } = readParams(root);
  if (!existsSync(path.join(root, fileOf('signing'))))
    throw new SecretsFault(`${fileOf('signing')} does not exist; make it: npm run secrets -- init`);
  const clear: unknown = parse(runProgram('sops', ['decrypt', fileOf('signing')], { cwd: root }));
  const { values, told } = rotate((clear as { stringData?: unknown }).stringData, namespace);
  write(root, 'signing', secretManifest(namespace, 'signing', { values }));
  console.log(told);
}

function addRecipient(root: string, own: string): void {
  const file = path.join(root, '.sops.yaml');
  const config = parseDocument(readFileSync(file, 'utf8'));
  const node = config.getIn(['creation_rules', 0, 'age'], true);
  const recipients = (isScalar(node) ? String(node.value) : '').split(',').filter(Boolean);
  if (recipients.includes(own)) return;
  config.setIn(['creation_rules', 0, 'age'], [...recipients, own].join(','));
  writeFileSync(file, config.toString({ lineWidth: 0, singleQuote: true }));
  console.log(`added ${own} to .sops.yaml`);
}

/** Opens a Secret in the editor, decrypted; sops encrypts it again when the editor ends. */
export function edit(root: string, name: string): number {
  if (!existsSync(path.join(root, fileOf(name))))
    throw new SecretsFault(`${fileOf(name)} does not exist; have: ${names(root).join(', ')}`);
  return spawnSync('sops', ['edit', fileOf(name)], { cwd: root, stdio: 'inherit' }).status ?? 1;
}

/**
 * Decrypts every Secret and hands it to kubectl; writes nothing in the clear to a file. A password that has changed goes to the server that runs
 * with the old one, and functions start anew. Throws `SecretsFault`, before anything is applied, for values that could not work, and `ClusterFault`.
 */
export async function apply(root: string, say: (line: string) => void): Promise<void> {
  const { namespace } = readParams(root);
  const found = names(root);
  if (found.length === 0)
    throw new SecretsFault(`no ${folder}/*.sops.yaml; make them: npm run secrets -- init`);
  const clear = found.map((name) => runProgram('sops', ['decrypt', fileOf(name)], { cwd: root }));
  const wanted: Record<string, Secrets[string]> = {};
  for (const [place, name] of found.entries())
    wanted[name] = v.parse(Clear, parse(clear[place] ?? '')).stringData;
  const faults = faultsOf(wanted);
  if (faults.length > 0)
    throw new SecretsFault(`${faults.join('\n')}\nnothing was applied; npm run secrets -- edit <name>`);
  if ((await kubectl(['get', 'namespace', namespace, '--ignore-not-found'])).trim() === '')
    say((await kubectl(['create', 'namespace', namespace])).trim());
  const live: Record<string, Secrets[string]> = {};
  for (const name of found) live[name] = await secretValues(namespace, name);
  await prepareServers(namespace, live, wanted, say);
  for (const text of clear) say((await kubectl(['apply', '--server-side', '-f', '-'], text)).trim());
  await renewReaders(namespace, changedOf(live, wanted), say);
}

function names(root: string): string[] {
  return readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith('.sops.yaml'))
    .map((file) => file.replace('.sops.yaml', ''));
}

/** Secrets in the clear, in the tree or in what an overlay builds; one line each. */
export function check(root: string, kustomize: readonly [string, ...string[]]): string[] {
  const listed = runProgram('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
  });
  const files = listed
    .split('\0')
    .filter(
      (file) => /\.(ya?ml|json|ts|md|txt|env|conf|sh)$/.test(file) && existsSync(path.join(root, file)),
    );
  const overlays = readdirSync(path.join(root, 'manifests/overlays')).flatMap((name) => [
    name,
    `${name}/functions`,
  ]);
  return [
    ...plaintextInTree(root, files),
    ...overlays.flatMap((name) =>
      plaintextInBundle(build(kustomize, path.join(root, 'manifests/overlays', name))).map(
        (fault) => `manifests/overlays/${name}: ${fault}`,
      ),
    ),
  ];
}

const help = `npm run secrets -- init [AMQP_URL]   make what is missing, encrypted for your age key; AMQP_URL is that of a RabbitMQ of your own
npm run secrets -- edit NAME         open one in the editor, decrypted
npm run secrets -- apply             decrypt and hand each to kubectl; what runs with an old value takes the new one
npm run secrets -- rotate-signing    the next of three steps to a new key that functions sign their events with
npm run secrets -- check [--json]    name every secret that stands in the clear, in the tree and in what an overlay builds

Exit code: 0 done, 1 a secret is in the clear, or it cannot be done, 2 wrong usage.`;

if (import.meta.main) {
  const command = ofProcess();
  const root = path.resolve(import.meta.dirname, '../..');
  const frame = { help, options: { json: { type: 'boolean' } }, words: 2 } as const;
  process.exitCode = await runCommand(
    command,
    frame,
    async ({ values, positionals: [what, name] }): Promise<Exit> => {
      if (what === 'init') init(root, command.env, name);
      else if (what === 'edit' && name !== undefined) return edit(root, name) === 0 ? 0 : 1;
      else if (what === 'apply') await apply(root, command.print);
      else if (what === 'rotate-signing') rotateSigning(root);
      else if (what === 'check') {
        const faults = check(root, ['kubectl', 'kustomize']);
        if (values.json) command.print(JSON.stringify(faults));
        else {
          for (const fault of faults) command.complain(fault);
          command.print(
            faults.length === 0 ? 'no secret in the clear' : `${faults.length} secrets in the clear`,
          );
        }
        return faults.length === 0 ? 0 : 1;
      } else
        throw new Refusal(
          'the first word must be one of init, edit NAME, apply, rotate-signing, check\n(see --help)',
        );
      return 0;
    },
  );
}
