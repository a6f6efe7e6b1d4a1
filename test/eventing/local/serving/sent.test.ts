import http from 'node:http';
import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../../../eventing/local/listen.ts';
import { createActivator } from '../../../../eventing/local/serving/activator.ts';
import type { Replica } from '../../../../eventing/local/serving/exchange.ts';
import { sendTo } from '../../../../eventing/local/serving/send.ts';
import type { Service } from '../../../../eventing/local/serving/service.ts';
import { until } from '../../../until.ts';

const url = 'http://predict.kickoff.svc.cluster.local/';

/** A function with one place, whose answer to `slow` waits for `release`. */
async function predict() {
  const bodies: string[] = [];
  let release: (() => void) | undefined;
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      if (body === 'slow') release = () => response.end('done');
      else response.end('done');
    });
  });
  const pool = new Pool(await listen(server, 0), { connections: 1 });
  const replica = {
    ...{ pool, state: 'ready', inFlight: 0, queue: new Set() },
    ...{ coldStart: { answered: () => undefined }, settled: () => undefined, suspect: () => undefined },
  } as unknown as Replica;
  const activator = createActivator(
    { name: 'predict', containerConcurrency: 1, holdMs: 10_000, timeoutMs: 10_000 },
    { replicas: () => [replica], failing: () => undefined, wanted: () => undefined },
  );
  onTestFinished(async () => {
    activator.close();
    await pool.destroy();
    server.close();
  });
  const send = sendTo(new Map([['predict', { activator } as Service]]));
  return { bodies, activator, send, release: () => release?.() };
}

test('an event whose sender gives up while it waits is run all the same, one without a body is not', async () => {
  const { bodies, activator, send, release } = await predict();
  const first = send(url, { headers: {}, body: Buffer.from('slow') });
  await until(() => bodies.length === 1);
  const left = ['', 'given up'].map((body) =>
    send(url, { headers: {}, body: Buffer.from(body) }, { timeoutMs: 50 }),
  );
  for (const one of left) await expect(one).rejects.toThrow('no answer from');
  expect(activator.meter.inFlight).toBe(2);
  release();
  expect((await first).status).toBe(200);
  await until(() => bodies.length === 2 && activator.meter.inFlight === 0);
  expect(bodies).toEqual(['slow', 'given up']);
});
