import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localFindings } from '../../../manifests/commands/doctor/local.ts';
import { localModelFinding } from '../../../manifests/commands/doctor/model.ts';

const root = path.resolve(import.meta.dirname, '../../..');
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'kickoff-doctor-'));
  for (const part of ['eventing', 'manifests', 'functions'])
    cpSync(path.join(root, part), path.join(copy, part), {
      recursive: true,
      filter: (file) => !/node_modules|\/dist|\/local|\/src|\/page/.test(file),
    });
});
afterEach(() => {
  rmSync(copy, { recursive: true });
});

function change(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(path.join(copy, file), 'utf8');
  expect(text.replace(from, to)).not.toBe(text);
  writeFileSync(path.join(copy, file), text.replace(from, to));
}
const broken = (): string[] => localFindings(copy).flatMap(({ ok, text }) => (ok ? [] : [text]));

test('the numbers of this project fit each other', () => {
  expect(localFindings(root).filter(({ ok }) => !ok)).toEqual([]);
  expect(localFindings(root).length).toBeGreaterThan(5);
});

test('the alias of the registry that npm start reads means a version that cannot be loaded', async () => {
  cpSync(path.join(root, 'model/registry'), path.join(copy, 'registry'), { recursive: true });
  const finding = () => localModelFinding(path.join(copy, 'registry'), {});
  expect((await finding()).ok).toBe(true);
  writeFileSync(path.join(copy, 'registry/match-outcome/1/card.json'), 'changed');
  expect(await finding()).toMatchObject({
    ok: false,
    text: expect.stringMatching(
      /means version 1, which cannot be loaded: .* card\.json does not have/,
    ) as unknown,
  });
  change('registry/registered-models.json', '"Production": "1"', '');
  expect((await finding()).text).toMatch(/means no version: .*Production not found/);
  expect(await localModelFinding('', { MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' })).toMatchObject({
    ...{ ok: false, remedy: 'start it, or correct MLFLOW_TRACKING_URI' },
  });
  await expect(localModelFinding('', { MODEL_URI: 'x', MLFLOW_TRACKING_URI: 'x' })).rejects.toThrow(
    /MODEL_URI: must be/,
  );
});

test('more replicas than the Trigger feeds', () => {
  change('functions/predict/func.yaml', /max: \d+/, 'max: 50');
  expect(broken().join()).toMatch(
    /^predict: parallelism \d+ of its Triggers for max scale 50 x target \d+ = \d+$/,
  );
});

test('a timeout that Knative cuts short, and retries that RabbitMQ cuts short', () => {
  change('eventing/triggers.yaml', /timeout: PT30S/, 'timeout: PT290S');
  const text = broken().join('\n');
  expect(text).toMatch(/^Trigger predict: cold start 5 s < timeout 290 s < Knative's 300 s - 30 s$/m);
  expect(text).toMatch(
    /^Trigger predict: 5 x 290 s \+ waits = 1480 s; .* = 7400 s < RabbitMQ's consumer_timeout 3600 s$/m,
  );
});

test('a timeout within which no function has started', () => {
  change('eventing/triggers.yaml', /timeout: PT30S/, 'timeout: PT4S');
  expect(broken()).toEqual(["Trigger predict: cold start 5 s < timeout 4 s < Knative's 300 s - 30 s"]);
});

test('a source whose retries RabbitMQ cuts short', () => {
  change('eventing/source.yaml', /retry: \d+/, 'retry: 14');
  expect(broken().join()).toMatch(/^RabbitmqSource \S+: waits .* < RabbitMQ's consumer_timeout 3600 s$/);
});

test.each([
  ['write: ^kickoff\\.requests$', 'write: .*', /may publish elsewhere than to kickoff.requests/],
  ['write: ^kickoff\\.requests$', 'write: ^kickoff', /may publish elsewhere than to kickoff.requests/],
  ['write: ^ml$', 'write: ml', /may publish to kickoff.requests with another key than ml/],
  ['exchange: kickoff.requests', 'exchange: kickoff', /with another key than ml/],
  ['configure: ^$', 'configure: ^mine', /may declare and delete/],
  ['read: ^$', 'read: ^ml$', /may read/],
  [
    'importCredentialsSecret:\n    name: producer',
    'importCredentialsSecret:\n    name: amqp',
    /does not exist/,
  ],
])('producers that may more than publish their requests: %s becomes %s', (from, to, fault) => {
  change('eventing/producer.yaml', from, to);
  expect(broken()).toEqual([expect.stringMatching(fault)]);
});

test('an nginx that gives up before the client', () => {
  change('manifests/nginx/kickoff.conf', /proxy_read_timeout 90s/, 'proxy_read_timeout 45s');
  expect(broken()).toEqual(['longest wait of a client 60 s < nginx 45 s < Knative 300 s']);
});
