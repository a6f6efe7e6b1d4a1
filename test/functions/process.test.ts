import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry } from '../../eventing/local/registry.ts';
import { freePort } from '../servers/free-port.ts';
import { listening, loopback } from '../servers/listening.ts';
import { signingKey } from '../signing.ts';
import { until } from '../until.ts';

const root = path.resolve(import.meta.dirname, '../..');
let registry: Awaited<ReturnType<typeof startRegistry>>;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  registry = await startRegistry(path.join(root, 'model/registry'));
  folder = await mkdtemp(path.join(tmpdir(), 'kickoff-process-'));
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

/** A function as the platform starts it: its `main.ts` with this environment and no more. */
function run(name: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [`functions/${name}/src/main.ts`], {
    cwd: root,
    env: { ADDRESS: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.text += text;
    });
  return { child, output };
}

test.each([
  ['ingress', ['MLFLOW_TRACKING_URI', 'STORE_URL', 'AMQP_URL, K_SINK', 'LOG_LEVEL', 'SIGNING_KEYS']],
  ['predict', ['MLFLOW_TRACKING_URI', 'LOG_LEVEL', 'SIGNING_KEYS']],
  ['cache-write', ['STORE_URL', 'K_SINK', 'LOG_LEVEL', 'SIGNING_KEYS']],
])(
  '%s with a bad environment ends with 78 and one line that names each variable',
  async (name, variables) => {
    const { child, output } = run(name, { LOG_LEVEL: 'loud' });
    expect(await once(child, 'close')).toEqual([78, null]);
    const lines = output.text.trim().split('\n');
    expect(lines).toHaveLength(1);
    const { message } = JSON.parse(lines[0] ?? '') as { message: string };
    for (const variable of variables) expect(message).toContain(`\n  ${variable}: `);
  },
);

test('predict without a registry ends with 69 and says what to do', async () => {
  const port = await freePort();
  const { child, output } = run('predict', {
    PORT: String(await freePort()),
    MLFLOW_TRACKING_URI: `http://127.0.0.1:${port}`,
    SIGNING_KEYS: signingKey,
  });
  expect(await once(child, 'close')).toEqual([69, null]);
  expect(output.text).toMatch(
    /cannot reach models:\/match-outcome@Production .*start it, or correct MLFLOW_TRACKING_URI/,
  );
}, 60_000);

test('predict is alive while it loads, ready when it has loaded, shows metrics, and ends politely', async () => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const env = {
    ...{ PORT: String(port), METRICS_PORT: String(metricsPort) },
    ...{ MLFLOW_TRACKING_URI: registry.url, SIGNING_KEYS: signingKey },
  };
  const { child } = run('predict', env);
  const status = (probe: string) =>
    fetch(`http://127.0.0.1:${port}/health/${probe}`).then(
      (response) => response.status,
      () => 0,
    );
  await until(async () => (await status('liveness')) === 200);
  await until(async () => (await status('readiness')) === 200);
  const event = {
    specversion: '1.0',
    id: '1',
    source: '/test',
    type: 'dev.kickoff.prediction.requested.v1',
    data: { requests: [{ id: '0190a000-0000-7000-8000-000000000001', home: 'Arsenal', away: 'Chelsea' }] },
  };
  const headers = { 'content-type': 'application/cloudevents+json' };
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers,
    body: JSON.stringify(event),
  });
  expect(answer.status).toBe(200);
  // What an event from RabbitMQ may bring along: a 431 would count as delivered.
  const large = { ...headers, 'ce-large': 'a'.repeat(50_000) };
  const told = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers: large, body: '{}' });
  expect(told.status).toBe(200);
  expect(told.headers.get('ce-type')).toBe('dev.kickoff.event.refused.v1');
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics).toContain('kickoff_outcomes_total{status="done"} 1');
  child.kill('SIGTERM');
  expect(await once(child, 'close')).toEqual([0, null]);
});

test.each([
  ['0.0.0.0', false],
  ['127.0.0.1', true],
])('with ADDRESS=%s a function and its metrics listen there', async (address, here) => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const { child } = run('cache-write', {
    ...{ ADDRESS: address, PORT: String(port), METRICS_PORT: String(metricsPort) },
    ...{ SIGNING_KEYS: signingKey, K_SINK: 'http://127.0.0.1:9/' },
    STORE_URL: `sqlite:${path.join(folder, `store-${address}`)}`,
    ...{ SIGNING_KEYS: signingKey, K_SINK: 'http://127.0.0.1:1/' },
  });
  const addresses = await until(() => {
    const found = listening(child.pid ?? 0);
    return found.length === 2 ? found : undefined;
  });
  expect(addresses.map((one) => loopback.test(one))).toEqual([here, here]);
  child.kill('SIGKILL');
});

test('at SIGTERM ingress answers what is in flight and ends streams, then ends with 0', async () => {
  let published = false;
  const broker = http.createServer((request, response) => {
    published = true;
    request.resume();
    response.writeHead(202).end();
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const port = await freePort();
  const { child, output } = run('ingress', {
    PORT: String(port),
    MLFLOW_TRACKING_URI: registry.url,
    SIGNING_KEYS: signingKey,
    STORE_URL: `sqlite:${path.join(folder, 'store')}`,
    K_SINK: `http://127.0.0.1:${(broker.address() as AddressInfo).port}/`,
  });
  const url = `http://127.0.0.1:${port}`;
  await until(
    () =>
      fetch(`${url}/health/readiness`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { what: `ready: ${output.text}` },
  );
  const asked = fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=60' },
    body: JSON.stringify({ home: 'Arsenal', away: 'Chelsea' }),
  });
  await until(() => published);
  const queued = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({ home: 'Chelsea', away: 'Arsenal' }),
  });
  const stream = await fetch(`${url}${queued.headers.get('location') ?? ''}/events`);
  child.kill('SIGTERM');
  const closed = once(child, 'close');
  expect((await asked).status).toBe(202);
  expect(await stream.text()).toContain('"status":"queued"');
  expect(await closed).toEqual([0, null]);
  broker.closeAllConnections();
  broker.close();
});
