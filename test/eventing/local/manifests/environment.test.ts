import path from 'node:path';
import { expect, test } from 'vitest';
import { functionEnvironment } from '../../../../eventing/local/manifests/environment.ts';
import { readFunctions } from '../../../../eventing/local/manifests/function-manifest.ts';

const root = path.resolve(import.meta.dirname, '../../../..');
const functions = readFunctions(path.join(root, 'functions'), root);
const wanted = { MLFLOW_TRACKING_TOKEN: 'token', MODEL_CACHE_DIR: '/var/lib/model', LOG_LEVEL: 'debug' };
const own = { ...wanted, AWS_SECRET_ACCESS_KEY: 'not for them' };
const provided = {
  MLFLOW_TRACKING_URI: 'http://127.0.0.1:1',
  STORE_URL: 'sqlite:store.db',
  K_SINK: 'http://127.0.0.1:2/',
};

function environment(name: string, more: Record<string, string> = {}): Record<string, string> {
  const spec = functions.find((one) => one.name === name);
  if (!spec) throw new Error(`no function ${name}`);
  const sources = { own: { ...own, ...more }, provided, configMaps: new Map() };
  return functionEnvironment(spec, { ...sources, addressOf: () => undefined });
}

test.each(['ingress', 'predict'])(
  '%s gets what the runtime is given for its model and its log, and nothing else',
  (name) => {
    expect(environment(name)).toMatchObject(wanted);
    expect(environment(name)).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
  },
);

test('a function without a model gets nothing of the registry', () => {
  expect(Object.keys(environment('cache-write')).filter((name) => /^(MLFLOW|MODEL)_/.test(name))).toEqual([]);
  expect(environment('cache-write')).toMatchObject({ LOG_LEVEL: 'debug' });
});

test('an empty variable counts as unset', () => {
  const empty = Object.fromEntries(Object.keys(provided).map((name) => [name, '']));
  expect(environment('ingress', empty)).toMatchObject(provided);
});
