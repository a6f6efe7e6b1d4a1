import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { Config, publisherVariables } from '../../../functions/ingress/src/config.ts';
import { commonEntries, ConfigFault, readConfig } from '../../../functions/shared/config.ts';
import { signingKey } from '../../signing.ts';
import { parseModelUri } from '../../../functions/shared/model/model-uri.ts';

const good = {
  MLFLOW_TRACKING_URI: 'http://mlflow:5000',
  STORE_URL: 'redis://redis:6379',
  K_SINK: 'http://broker/',
  SIGNING_KEYS: signingKey,
};

function faults(env: Record<string, string>): string {
  try {
    readConfig(Config, env, publisherVariables);
  } catch (error) {
    if (error instanceof ConfigFault) return error.message;
    throw error;
  }
  throw new Error('nothing is wrong');
}

test('every bad variable is named in one message, without its value', () => {
  const message = faults({
    PORT: '9090',
    LOG_LEVEL: 'loud',
    STORE_URL: 'http://user:secret@store/',
    MODEL_URI: 'model.onnx',
    WAIT_MS: '61000',
    WAKE_URLS: 'ftp://x',
    MLFLOW_TRACKING_TOKEN_FILE: '/no/such/file',
    SIGNING_KEYS: 'a secret of mine',
  });
  for (const name of [
    'PORT',
    'LOG_LEVEL',
    'STORE_URL',
    'MODEL_URI',
    'WAIT_MS',
    'WAKE_URLS',
    'MLFLOW_TRACKING_TOKEN_FILE',
    'SIGNING_KEYS',
  ])
    expect(message).toMatch(new RegExp(`^  ${name}`, 'm'));
  expect(message).toMatch(/^ {2}MLFLOW_TRACKING_URI: is required$/m);
  expect(message).toMatch(/^ {2}AMQP_URL, K_SINK: one of them is required$/m);
  expect(message).not.toContain('secret');
});

test.each(['8012', '8013', '8022', '8112', '9090', '9091', '65536', '-1', 'http'])(
  'PORT=%s is refused',
  (port) => {
    expect(() => readConfig(v.object(commonEntries), { PORT: port })).toThrow(ConfigFault);
  },
);

test.each(['localhost', 'every', '127.0.0.1:80/'])('ADDRESS=%s is refused', (address) => {
  expect(() => readConfig(v.object(commonEntries), { ADDRESS: address })).toThrow(/ADDRESS: must be an IP/);
});

test.each([
  ...['models:/m@Production', 'models:/m@a@b', 'models:/m/1', 'models:/m/latest', 'models:/m/Staging'],
  ...[
    'models:/m',
    'models:/',
    'models:/m/1/2',
    'models:/m-0123abcd',
    'models:/m@',
    'models:/@a',
    'models:/m/',
  ],
])('MODEL_URI=%s is refused where it names no version', (MODEL_URI) => {
  let named = true;
  try {
    parseModelUri(MODEL_URI);
  } catch {
    named = false;
  }
  if (named)
    expect(readConfig(Config, { ...good, MODEL_URI }, publisherVariables)).toMatchObject({ MODEL_URI });
  else expect(faults({ ...good, MODEL_URI })).toContain('MODEL_URI: must be models:/<name>@<alias>');
});

test('a secret may come from a file; empty is unset; defaults fill the rest', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kickoff-config-'));
  const file = path.join(folder, 'token');
  writeFileSync(file, 'hidden\n');
  const config = readConfig(
    Config,
    { ...good, MLFLOW_TRACKING_TOKEN_FILE: file, AMQP_URL: '', WAKE_URLS: 'http://a/, http://b/' },
    publisherVariables,
  );
  rmSync(folder, { recursive: true });
  expect(config).toMatchObject({
    MLFLOW_TRACKING_TOKEN: 'hidden',
    PORT: 8080,
    WAIT_MS: 10_000,
    AMQP_ROUTING_KEY: 'ml',
    WAKE_URLS: ['http://a/', 'http://b/'],
  });
  expect(config.AMQP_URL).toBeUndefined();
});
