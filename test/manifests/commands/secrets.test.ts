import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { check } from '../../../manifests/commands/secrets.ts';
import { newSecrets, ownRabbit } from '../../../manifests/commands/secrets/plan.ts';
import { plaintextInBundle } from '../../../manifests/commands/secrets/plaintext.ts';
import { signedEvent, verify } from '../../../functions/shared/events/signature.ts';
import { parseDocuments } from '../../../manifests/commands/yaml/bundle.ts';
import { debian, goTool } from '../../needs.ts';
import { keysOf } from '../../signing.ts';
import { kustomize } from '../needs.ts';

const sops = await goTool('github.com/getsops/sops/v3/cmd/sops@v3.13.3');
const age = await debian('age-keygen', 'age');
const root = path.resolve(import.meta.dirname, '../../..');
const script = (folder: string): string => path.join(folder, 'manifests/commands/secrets.ts');

/** What the commands on secrets need of this project, without its secrets. */
function copyProject(project: string): void {
  const parts = ['manifests', 'eventing', 'functions/shared', '.sops.yaml', 'package.json'];
  for (const part of [...parts, 'node_modules/yaml', 'node_modules/valibot'])
    cpSync(path.join(root, part), path.join(project, part), {
      recursive: true,
      filter: (file) => !/\/(secrets\/.*\.sops\.yaml)$/.test(file),
    });
}

test.skipIf('missing' in age)('init without sops makes no key and leaves .sops.yaml as it is', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-secrets-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const project = path.join(folder, 'project');
  copyProject(project);
  const tools = path.join(folder, 'bin');
  mkdirSync(tools);
  if ('path' in age) symlinkSync(age.path, path.join(tools, 'age-keygen'));
  const env = { PATH: tools, HOME: folder };
  const { status, stderr } = spawnSync(process.execPath, [script(project), 'init'], {
    encoding: 'utf8',
    env,
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^sops is not installed: .*\n$/);
  expect(readdirSync(folder).sort()).toEqual(['bin', 'project']);
  const config = (of: string): string => readFileSync(path.join(of, '.sops.yaml'), 'utf8');
  expect(config(project)).toBe(config(root));
});

describe.skipIf('missing' in sops || 'missing' in age || 'missing' in kustomize)(
  'secrets, with real sops and age',
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-secrets-'));
    const project = path.join(folder, 'project');
    const keyFile = path.join(folder, 'keys.txt');
    const received = path.join(folder, 'applied.yaml');
    const tools = path.join(folder, 'bin');

    function run(args: string[], env: Record<string, string> = {}) {
      const paths = [
        tools,
        ...[sops, age].flatMap((need) => ('path' in need ? [path.dirname(need.path)] : [])),
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, [script(project), ...args], {
        encoding: 'utf8',
        timeout: 60_000,
        env: {
          PATH: [...paths, process.env['PATH']].join(':'),
          HOME: folder,
          SOPS_AGE_KEY_FILE: keyFile,
          ...env,
        },
      });
      return { status, text: stdout + stderr };
    }
    const encrypted = (): string[] =>
      readdirSync(path.join(project, 'manifests/secrets')).filter((file) => file.endsWith('.sops.yaml'));
    const faults = (): string[] => ('path' in kustomize ? check(project, [kustomize.path, 'build']) : []);

    beforeAll(() => {
      copyProject(project);
      writeFileSync(path.join(project, '.gitignore'), 'node_modules/\n');
      execFileSync('git', ['init', '-q', project]);
      mkdirSync(tools);
      // kubectl as far as apply needs it: keeps what it is given, and knows no namespace at first, and no Secret.
      writeFileSync(
        path.join(tools, 'kubectl'),
        `#!/bin/sh\ncase "$1 $2" in\n  "get namespace" | "get secret") ;;\n  "create namespace") echo "namespace/$3 created" ;;\n  "apply --server-side") (echo ---; cat) >> ${received}; echo applied ;;\n  *) exit 9 ;;\nesac\n`,
      );
      chmodSync(path.join(tools, 'kubectl'), 0o755);
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    test('a key inside of the project is refused', () => {
      const { status, text } = run(['init'], { SOPS_AGE_KEY_FILE: path.join(project, 'keys.txt') });
      expect({ status, text }).toMatchObject({
        status: 1,
        text: expect.stringContaining('inside of the project') as string,
      });
      expect(encrypted()).toEqual([]);
    });

    test('apply before init says what to do', () => {
      expect(run(['apply'])).toMatchObject({
        status: 1,
        text: expect.stringMatching(/secrets -- init/) as string,
      });
    });

    test.each([
      ['rabbit.example.net', /must be amqp/],
      ['amqp://user@rabbit.example.net', /must be amqp/],
      ['amqp://user:p%40ss@rabbit.example.net', /does not escape/],
      ['amqp://user:pass@rabbit.example.net/other', /virtual host other/],
      ['amqp://kickoff-producer:pass@rabbit.example.net', /is for producers/],
    ])('init refuses a RabbitMQ at %s and writes nothing', (url, reason) => {
      const { status, text } = run(['init', url]);
      expect(status).toBe(1);
      expect(text).toMatch(reason);
      expect(text).not.toMatch(/ at .*\.ts:/);
      expect(encrypted()).toEqual([]);
    });

    test.each([
      [
        'amqp://default_user_a:b-c_D1@rabbit.other.svc',
        { uri: 'http://rabbit.other.svc:15672', port: '5672' },
        'amqp://default_user_a:b-c_D1@rabbit.other.svc:5672',
      ],
      [
        'amqps://kickoff:secret@mq.example.net:5999/',
        { uri: 'https://mq.example.net:15671', port: '5999' },
        'amqps://kickoff:secret@mq.example.net:5999',
      ],
    ])('the Secrets for a RabbitMQ at %s', (url, connection, amqp) => {
      const { rabbitmq, amqp: publisher } = newSecrets('kickoff', ownRabbit(url));
      expect(rabbitmq.values).toMatchObject(connection);
      expect(publisher.values.url).toBe(amqp);
    });

    test('init makes a key outside and encrypts every value; a second one changes nothing', () => {
      expect(run(['init'])).toMatchObject({ status: 0 });
      expect(encrypted()).toEqual([
        'amqp.sops.yaml',
        'producer.sops.yaml',
        'rabbitmq.sops.yaml',
        'redis.sops.yaml',
        'signing.sops.yaml',
        'store.sops.yaml',
      ]);
      const text = readFileSync(path.join(project, 'manifests/secrets/rabbitmq.sops.yaml'), 'utf8');
      const secret = parse(text) as { metadata: object; stringData: Record<string, string>; sops: object };
      expect(Object.values(secret.stringData).filter((value) => !value.startsWith('ENC['))).toEqual([]);
      expect(secret.metadata).toMatchObject({ labels: { 'rabbitmq.com/topology-operator': 'true' } });
      expect(faults()).toEqual([]);
      expect(run(['init'])).toMatchObject({
        status: 0,
        text: expect.stringContaining('nothing to do') as string,
      });
      expect(readFileSync(path.join(project, 'manifests/secrets/rabbitmq.sops.yaml'), 'utf8')).toBe(text);
    });

    test('init adds what an older installation has not, and touches nothing else', () => {
      const file = (name: string): string => path.join(project, `manifests/secrets/${name}.sops.yaml`);
      const before = readFileSync(file('amqp'), 'utf8');
      rmSync(file('signing'));
      const { status, text } = run(['init']);
      expect({ status, text }).toEqual({ status: 0, text: 'wrote manifests/secrets/signing.sops.yaml\n' });
      expect(readFileSync(file('amqp'), 'utf8')).toBe(before);
    });

    test('half a pair of secrets is refused, and nothing is made', () => {
      rmSync(path.join(project, 'manifests/secrets/store.sops.yaml'));
      rmSync(path.join(project, 'manifests/secrets/signing.sops.yaml'));
      expect(run(['init'])).toMatchObject({
        status: 1,
        text: expect.stringContaining('restore the other') as string,
      });
      expect(encrypted()).not.toContain('signing.sops.yaml');
      for (const file of encrypted()) rmSync(path.join(project, 'manifests/secrets', file));
      expect(run(['init'])).toMatchObject({ status: 0 });
    });

    test('apply decrypts with SOPS_AGE_KEY too; passwords are letters and digits, the same wherever they stand', () => {
      const key = readFileSync(keyFile, 'utf8');
      const { status, text } = run(['apply'], { SOPS_AGE_KEY: key, SOPS_AGE_KEY_FILE: '' });
      expect({ status, text }).toMatchObject({ status: 0 });
      expect(text).not.toMatch(/AGE-SECRET|default_pass/);
      const applied = parseDocuments(readFileSync(received, 'utf8'));
      const values = Object.fromEntries(
        applied.map((one) => [one.metadata.name, one['stringData'] as Record<string, string>]),
      );
      expect(applied.map(({ metadata }) => metadata.namespace)).toEqual(Array(6).fill('kickoff'));
      expect(values['rabbitmq']?.['password']).toMatch(/^[A-Za-z0-9]{32}$/);
      expect(values['amqp']?.['url']).toContain(
        `kickoff:${values['rabbitmq']?.['password'] ?? '-'}@rabbitmq.kickoff`,
      );
      expect(values['store']?.['url']).toContain(`:${values['redis']?.['password'] ?? '-'}@redis.kickoff`);
      // The operator sees no Secret without its label, and producers get no password of ours.
      const producer = applied.find(({ metadata }) => metadata.name === 'producer');
      expect(producer?.metadata.labels).toEqual({ 'rabbitmq.com/topology-operator': 'true' });
      expect(values['producer']).toEqual({
        username: 'kickoff-producer',
        password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) as string,
      });
      expect(values['producer']?.['password']).not.toBe(values['rabbitmq']?.['password']);
      expect(applied.some((one) => 'sops' in one)).toBe(false);
    });

    test('edit opens the clear text in the editor and encrypts what comes back', () => {
      const editor = path.join(tools, 'editor');
      const edited = (name: string, expression: string): void => {
        writeFileSync(editor, `#!/bin/sh\nsed -i '${expression}' "$1"\n`, { mode: 0o755 });
        expect(run(['edit', name], { EDITOR: editor })).toMatchObject({ status: 0 });
      };
      edited('redis', 's/password: .*/password: re"newed/');
      const file = path.join(project, 'manifests/secrets/redis.sops.yaml');
      expect(readFileSync(file, 'utf8')).not.toContain('newed');
      rmSync(received, { force: true });
      const { status, text } = run(['apply']);
      expect(status).toBe(1);
      expect(text).toMatch(
        /^Secret redis: password may have letters.*\nSecret store: .*\nnothing was applied/,
      );
      expect(text).not.toContain('newed');
      expect(existsSync(received)).toBe(false);
      edited('redis', 's/password: .*/password: renewed/');
      edited('store', 's|redis://:[^@]*@|redis://:renewed@|');
      expect(run(['apply'])).toMatchObject({ status: 0 });
      expect(readFileSync(received, 'utf8')).toContain('password: renewed');
      expect(run(['edit', 'nothing'])).toMatchObject({
        status: 1,
        text: expect.stringContaining('have: amqp, producer, rabbitmq, redis, signing, store') as string,
      });
    });

    describe('rotate-signing', () => {
      const signing = path.join(project, 'manifests/secrets/signing.sops.yaml');
      const applied = (): Record<string, string> => {
        rmSync(received, { force: true });
        expect(run(['apply'])).toMatchObject({ status: 0 });
        const documents = parseDocuments(readFileSync(received, 'utf8'));
        const secret = documents.find(({ metadata }) => metadata.name === 'signing');
        return secret?.['stringData'] as Record<string, string>;
      };

      test('leaves a Secret that is in no state of a rotation as it is', () => {
        const text = readFileSync(signing, 'utf8');
        const editor = path.join(tools, 'editor');
        writeFileSync(editor, '#!/bin/sh\nsed -i "s/keys: .*/keys: a b c/" "$1"\n', { mode: 0o755 });
        run(['edit', 'signing'], { EDITOR: editor });
        const edited = readFileSync(signing, 'utf8');
        expect(run(['rotate-signing'])).toMatchObject({
          status: 1,
          text: expect.stringContaining('edit signing') as string,
        });
        expect(readFileSync(signing, 'utf8')).toBe(edited);
        writeFileSync(signing, text);
      });

      test('takes one step a call; what is signed before and after each step is believed on both sides of it', () => {
        const draft = { id: '1', source: '/kickoff/test', type: 't', data: {} };
        const states = [applied()];
        for (const step of [1, 2, 3]) {
          const { status, text } = run(['rotate-signing']);
          expect({ status, text }).toMatchObject({ status: 0 });
          expect(text).toMatch(
            new RegExp(`^step ${step} of 3: .*\nnow: npm run secrets -- apply\n.*old pods`, 's'),
          );
          for (const { keys } of states)
            for (const key of keys?.split(' ') ?? []) expect(text).not.toContain(key);
          states.push(applied());
          const [before, after] = states.slice(-2).map(({ keys = '' }) => keysOf(keys));
          if (!before || !after) throw new Error('no keys');
          expect(verify(signedEvent(draft, before), after)).toBe('ours');
          expect(verify(signedEvent(draft, after), before)).toBe('ours');
        }
        const [old, , , renewed] = states;
        expect(Object.keys(renewed ?? {})).toEqual(['keys']);
        expect(verify(signedEvent(draft, keysOf(old?.['keys'] ?? '')), keysOf(renewed?.['keys'] ?? ''))).toBe(
          'unknown-key',
        );
        expect(faults()).toEqual([]);
      });
    });

    test('without its key nothing is decrypted', () => {
      expect(run(['apply'], { SOPS_AGE_KEY_FILE: '/nowhere/keys.txt' })).toMatchObject({ status: 1 });
    });

    test('check names a plaintext Secret, a value added in the clear, a private key and a Secret in an overlay', () => {
      const write = (file: string, text: string): void => {
        writeFileSync(path.join(project, file), text);
      };
      const plain = 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData:\n  password: hunter2\n';
      write('manifests/secrets/plain.yaml', plain);
      write('manifests/secrets/fake.sops.yaml', plain);
      write('notes.md', readFileSync(keyFile, 'utf8'));
      const amqp = path.join(project, 'manifests/secrets/amqp.sops.yaml');
      writeFileSync(
        amqp,
        readFileSync(amqp, 'utf8').replace('stringData:\n', 'stringData:\n    extra: hunter2\n'),
      );
      const overlay = path.join(project, 'manifests/overlays/single-node');
      writeFileSync(path.join(overlay, 'secret.yaml'), plain);
      const kustomization = path.join(overlay, 'kustomization.yaml');
      writeFileSync(
        kustomization,
        readFileSync(kustomization, 'utf8').replace('resources:\n', 'resources:\n  - secret.yaml\n'),
      );
      const all = faults().join('\n');
      expect(all).toMatch(/^manifests\/secrets\/plain.yaml:5: stringData.password is not encrypted$/m);
      expect(all).toMatch(/^manifests\/secrets\/fake.sops.yaml:1: not encrypted by sops$/m);
      expect(all).toMatch(/^manifests\/secrets\/amqp.sops.yaml:\d+: stringData.extra is not encrypted$/m);
      expect(all).toMatch(/^notes.md:\d: an age private key$/m);
      expect(all).toMatch(/^manifests\/overlays\/single-node: Secret\/a: /m);
    });
  },
);

test('a password in the environment of a pod is named', () => {
  const pod = (value: string): string[] =>
    plaintextInBundle(
      parseDocuments(
        `{ apiVersion: v1, kind: Pod, metadata: { name: a }, spec: { containers: [{ env: [${value}] }] } }`,
      ),
    );
  expect(pod('{ name: STORE_URL, value: "redis://:hunter2@redis:6379" }')).toHaveLength(1);
  expect(pod('{ name: MLFLOW_TRACKING_TOKEN, value: abc }')).toHaveLength(1);
  expect(pod('{ name: MLFLOW_TRACKING_URI, value: "http://mlflow:5000" }')).toEqual([]);
});

test.skipIf('missing' in kustomize)('this project holds no secret in the clear', () => {
  if ('path' in kustomize) expect(check(root, [kustomize.path, 'build'])).toEqual([]);
});
