import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { build, title, type Document } from '../../manifests/commands/yaml/bundle.ts';
import { generated } from '../../manifests/commands/functions.ts';
import { kustomize, oldestKustomize } from './needs.ts';
import { overlays } from './overlays.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('manifests/functions is what `npm run manifests` makes of the func.yaml files', () => {
  for (const { file, text } of generated(root))
    expect(readFileSync(path.join(root, 'manifests/functions', file), 'utf8')).toBe(text);
});

test("README's line puts the digest of each pushed image into params.yaml, and changes nothing else", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-images-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  const params = 'manifests/params/params.yaml';
  cpSync(path.join(root, params), path.join(folder, params));
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8').replaceAll(/\n# +/g, '\n');
  const [line] = /^for f in [^\n]*buildah[\s\S]*?; done$/m.exec(readme) ?? [''];
  const pushed = `buildah() { if [ "$1" = push ]; then printf sha256:$(basename $4) > "$3"; fi; }`;
  const digests = path.join(folder, 'digest-');
  execFileSync('sh', ['-ec', `${pushed}\n${line.replaceAll('/tmp/', digests)}`], { cwd: folder });
  const data = (place: string): Record<string, string> =>
    (parse(readFileSync(path.join(place, params), 'utf8')) as { data: Record<string, string> }).data;
  const images = Object.fromEntries(
    ['cache-write', 'predict', 'ingress'].map((name) => [
      `image-${name}`,
      `registry.example.org/kickoff/${name}@sha256:${name}`,
    ]),
  );
  expect(data(folder)).toEqual({ ...data(root), ...images });
});

const programs = { newest: kustomize, oldest: oldestKustomize };

describe.skipIf(Object.values(programs).some((need) => 'missing' in need)).each(overlays)(
  'parameters of %s',
  (overlay) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-params-'));
    const changed = {
      host: 'odds.example.net',
      namespace: 'elsewhere',
      'model-uri': 'models:/match-outcome/7',
      'allowed-origins': 'https://page.example.net',
      'image-ingress': 'images.example.net/ingress@sha256:1',
      'image-predict': 'images.example.net/predict@sha256:2',
      'image-cache-write': 'images.example.net/cache-write@sha256:3',
      'image-rabbitmq': 'images.example.net/rabbitmq:1',
      'image-redis': 'images.example.net/redis:1',
      'image-mlflow': 'images.example.net/mlflow:1',
      'storage-rabbitmq': '101Mi',
      'storage-redis': '102Mi',
      'storage-mlflow': '103Mi',
    };
    let documents: Document[] = [];
    let oldest: Document[] = [];
    beforeAll(() => {
      for (const part of ['manifests', 'eventing'])
        cpSync(path.join(root, part), path.join(folder, part), {
          recursive: true,
          filter: (file) => !file.includes('local'),
        });
      writeFileSync(
        path.join(folder, 'manifests/params/params.yaml'),
        stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'params', annotations: { 'config.kubernetes.io/local-config': 'true' } },
          data: { ...changed, 'node-port': '31391' },
        }),
      );
      [documents = [], oldest = []] = Object.values(programs).map((need) => {
        if ('missing' in need) throw new Error('skipped');
        return [`overlays/${overlay}`, `overlays/${overlay}/functions`, 'base/knative'].flatMap((part) =>
          build([need.path, 'build'], path.join(folder, 'manifests', part)),
        );
      });
    });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    test('each reaches the manifests', () => {
      const text = JSON.stringify(documents);
      const missing = Object.entries(changed).flatMap(([name, value]) =>
        text.includes(value) ? [] : [name],
      );
      // Another's RabbitMQ has its image and volume elsewhere.
      expect(missing).toEqual(overlay === 'own-rabbitmq' ? ['image-rabbitmq', 'storage-rabbitmq'] : []);
      expect(text.includes('"nodePort":31391')).toBe(true);
      expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).not.toContain(
        'ConfigMap params',
      );
    });

    // Before 5.8 kustomize takes a regular expression in a replacement's target for a name that nothing has, without a word.
    test('and does so with the oldest kubectl too', () => {
      expect(oldest).toEqual(documents);
    });

    test('the old namespace, host and images are nowhere left', () => {
      const inOther = documents
        .filter(({ metadata }) => metadata.namespace !== undefined)
        .filter(
          ({ metadata: { namespace = '' } }) =>
            !['elsewhere', 'knative-serving', 'kourier-system'].includes(namespace),
        );
      expect(inOther.map(title)).toEqual([]);
      const text = JSON.stringify(documents);
      // In the pattern of the Broker's exchange too: b.<namespace>.<broker>.<uid>.
      const policy = documents.find(({ kind }) => kind === 'Policy');
      expect(policy?.['spec']).toMatchObject({ pattern: '^b\\.elsewhere\\.kickoff\\.[^.]+$' });
      expect(text.match(/"namespace":"kickoff"|[a-z-]\.kickoff\.svc|[a-z.]example\.org/g)).toBeNull();
      expect(text.match(/"kubernetes.io\/metadata.name":"elsewhere"/g)).toHaveLength(1);
    });
  },
);
