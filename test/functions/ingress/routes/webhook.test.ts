import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HttpAnswer } from '../../../../functions/ingress/src/http/answer.ts';
import { createWebhook } from '../../../../functions/ingress/src/routes/webhook.ts';
import { createLog } from '../../../../functions/shared/log.ts';
import { python } from '../../../needs.ts';
import { freePort } from '../../../servers/free-port.ts';
import { type PredictProcess, startFunction, startPredict } from '../../../servers/predict.ts';
import { keys } from '../../../signing.ts';
import { until } from '../../../until.ts';
import { type MlflowRegistry, startMlflowRegistry } from '../../../model/mlflow-registry.ts';
import { shippedFiles } from '../../../model/shipped.ts';

const need = await python('model/requirements-mlflow.txt');
const secret = 'a secret of the webhook';
const Ref = v.object({ version: v.string() });

describe.skipIf('missing' in need)("MLflow's webhook", () => {
  const interpreter = 'path' in need ? need.path : '';

  describe('signed by MLflow itself', () => {
    const sign = `
import sys
from mlflow.webhooks.delivery import _generate_hmac_signature
print(_generate_hmac_signature(*sys.argv[1:]))`;
    const body = '{"entity": "model_version_alias", "data": {"name": "é"}}';
    const at = 1_790_000_000;
    let signature: string;
    let looks = 0;
    const webhook = createWebhook({
      secret,
      async refresh() {
        looks++;
      },
      predictUrl: undefined,
      keys,
      log: createLog('error'),
      now: () => at * 1000,
    });
    const deliver = (headers: Record<string, string>, text = body): Promise<HttpAnswer> =>
      webhook(new Request('http://ingress/', { method: 'POST', headers, body: text }));
    const headers = (timestamp = at): Record<string, string> => ({
      'x-mlflow-signature': signature,
      'x-mlflow-delivery-id': 'd-1',
      'x-mlflow-timestamp': String(timestamp),
    });
    const signedBy = (timestamp: string, key = secret): string =>
      spawnSync(interpreter, ['-c', sign, key, 'd-1', timestamp, body], { encoding: 'utf8' }).stdout.trim();
    beforeAll(() => {
      signature = signedBy(String(at));
    }, 60_000);

    test.each([
      ['no signature', () => ({ ...headers(), 'x-mlflow-signature': '' }), body],
      ['another body', () => headers(), `${body} `],
      ['another time', () => headers(at + 1), body],
      ['another id', () => ({ ...headers(), 'x-mlflow-delivery-id': 'd-2' }), body],
    ])('%s is 401, and nobody looks', async (_, given, text) => {
      looks = 0;
      await expect(deliver(given(), text)).rejects.toMatchObject({ status: 401 });
      expect(looks).toBe(0);
    });

    test.each([String(at - 301), String(at + 301), 'soon'])(
      'a right signature of time %s is 401',
      async (time) => {
        const given = { ...headers(), 'x-mlflow-signature': signedBy(time), 'x-mlflow-timestamp': time };
        await expect(deliver(given)).rejects.toMatchObject({ status: 401, message: /seconds old/ });
      },
      60_000,
    );

    test('a right and fresh one is taken', async () => {
      looks = 0;
      expect((await deliver(headers())).status).toBe(204);
      expect(looks).toBe(1);
    });
  });

  describe('sent by a server', () => {
    let mlflow: MlflowRegistry;
    let predict: PredictProcess;
    let ingress: Awaited<ReturnType<typeof startFunction>>;
    let folder: string;
    beforeAll(async () => {
      mlflow = await startMlflowRegistry(interpreter);
      for (const note of ['a', 'b']) await mlflow.add(await shippedFiles(note));
      await mlflow.alias('Production', '1');
      folder = await mkdtemp(path.join(tmpdir(), 'kickoff-webhook-'));
      // No look of their own at the alias within the hour.
      const env = { MLFLOW_TRACKING_URI: mlflow.url, MODEL_POLL_MS: '3600000' };
      predict = await startPredict(env);
      ingress = await startFunction('ingress', {
        ...env,
        PREDICT_URL: predict.url,
        STORE_URL: `sqlite:${path.join(folder, 'store')}`,
        K_SINK: `http://127.0.0.1:${await freePort()}/`,
        MLFLOW_WEBHOOK_SECRET: secret,
      });
    }, 120_000);
    afterAll(async () => {
      await Promise.all([ingress.stop(), predict.stop(), mlflow.remove()]);
      await rm(folder, { recursive: true, force: true });
    });
    const version = async (url: string): Promise<string> =>
      v.parse(Ref, await (await fetch(`${url}/v1/model`)).json()).version;

    test('a moved alias is seen by ingress and predict without a poll', async () => {
      const wrong = await fetch(`${ingress.url}/v1/model/webhook`, { method: 'POST', body: '{}' });
      expect(wrong.status).toBe(401);
      await mlflow.call('POST', 'webhooks', {
        ...{ name: 'kickoff', url: `${ingress.url}/v1/model/webhook`, secret },
        events: [{ entity: 'MODEL_VERSION_ALIAS', action: 'CREATED' }],
      });
      await mlflow.alias('Production', '2');
      const moved = performance.now();
      await until(async () => (await version(ingress.url)) === '2', { deadline: 10_000 });
      await until(async () => (await version(predict.url)) === '2', { deadline: 10_000 });
      console.log(
        `webhook: ingress and predict have moved after ${Math.round(performance.now() - moved)} ms`,
      );
    }, 90_000);
  });
});
