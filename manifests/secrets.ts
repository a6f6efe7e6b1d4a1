import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isScalar, parseDocument, stringify } from 'yaml';
import { recipient, runProgram, SecretsFault } from './age-key.ts';
import { build } from './bundle.ts';
import { readParams } from './params.ts';
import { plaintextInBundle, plaintextInTree } from './plaintext.ts';
import { newSecrets, ownRabbit, secretManifest } from './secret-plan.ts';

type Env = Readonly<Record<string, string | undefined>>;

const folder = 'manifests/secrets';
const fileOf = (name: string): string => `${folder}/${name}.sops.yaml`;

/**
 * Makes what is missing: the age key, its recipient in .sops.yaml, and an encrypted file for each Secret. Existing files stay. `amqp` is the
 * URL of a RabbitMQ that is there already.
 */
export function init(root: string, env: Env, amqp?: string): void {
  const rabbit = amqp === undefined ? undefined : ownRabbit(amqp);
  const namespace = readParams(root).namespace;
  addRecipient(root, recipient(root, env));
  mkdirSync(path.join(root, folder), { recursive: true });
  const secrets = Object.entries(newSecrets(namespace, rabbit));
  const existing = secrets
    .filter(([name]) => existsSync(path.join(root, fileOf(name))))
    .map(([name]) => name);
  // Passwords stand in two Secrets each (rabbitmq and amqp, redis and store): half a set would not fit the other half.
  if (existing.length > 0 && existing.length < secrets.length)
    throw new SecretsFault(
      `only ${existing.map(fileOf).join(', ')} exist; restore the others, or remove these to start anew`,
    );
  if (existing.length > 0) {
    console.log(`${existing.map(fileOf).join(', ')} exist: nothing to do`);
    return;
  }
  for (const [name, secret] of secrets) {
    const clear = stringify(secretManifest(namespace, name, secret));
    const args = ['encrypt', '--input-type', 'yaml', '--output-type', 'yaml'];
    const encrypted = runProgram('sops', [...args, '--filename-override', fileOf(name)], {
      input: clear,
      cwd: root,
    });
    writeFileSync(path.join(root, fileOf(name)), encrypted);
    console.log(`wrote ${fileOf(name)}`);
  }
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

/** Decrypts every Secret and hands it to kubectl; nothing in the clear is written to a file. */
export function apply(root: string): void {
  const { namespace } = readParams(root);
  const found = names(root);
  if (found.length === 0)
    throw new SecretsFault(`no ${folder}/*.sops.yaml; make them: npm run secrets -- init`);
  if (!runProgram('kubectl', ['get', 'namespace', namespace, '--ignore-not-found'], { cwd: root }))
    console.log(runProgram('kubectl', ['create', 'namespace', namespace], { cwd: root }).trim());
  for (const name of found) {
    const clear = runProgram('sops', ['decrypt', fileOf(name)], { cwd: root });
    const applied = runProgram('kubectl', ['apply', '--server-side', '-f', '-'], { input: clear, cwd: root });
    console.log(applied.trim());
  }
}

function names(root: string): string[] {
  return readdirSync(path.join(root, folder))
    .filter((file) => file.endsWith('.sops.yaml'))
    .map((file) => file.replace('.sops.yaml', ''));
}

/** What is secret and stands in the clear, in the tree or in what an overlay builds; one line each. */
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

function main(): number {
  const root = path.resolve(import.meta.dirname, '..');
  const [command, name] = process.argv.slice(2);
  if (command === 'init') init(root, process.env, name);
  else if (command === 'edit' && name !== undefined) return edit(root, name);
  else if (command === 'apply') apply(root);
  else if (command === 'check') {
    const faults = check(root, ['kubectl', 'kustomize']);
    for (const fault of faults) console.error(fault);
    console.log(faults.length === 0 ? 'no secret in the clear' : `${faults.length} secrets in the clear`);
    return faults.length === 0 ? 0 : 1;
  } else throw new SecretsFault('npm run secrets -- init [amqp://…] | edit <name> | apply | check');
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = main();
  } catch (error) {
    if (!(error instanceof SecretsFault)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
