import { createHmac, timingSafeEqual } from 'node:crypto';
import { binaryMessage } from '../../../shared/events/cloudevents.ts';
import { refreshType } from '../../../shared/events/events.ts';
import { signedEvent } from '../../../shared/events/signature.ts';
import type { Keys } from '../../../shared/events/signing-keys.ts';
import { send } from '../../../shared/http/client.ts';
import { newId } from '../../../shared/id.ts';
import { describe, type Log } from '../../../shared/log.ts';
import { Problem } from '../../../shared/http/problem.ts';
import { readText } from '../http/body.ts';
import type { HttpAnswer } from '../http/answer.ts';

/** How many seconds a delivery may be old, or ahead of this clock: a recorded one cannot be sent again later. */
const freshness = 300;
const bodyLimit = 2 ** 16;

/** MLflow's registry webhook: its content does not matter, only that something may have moved. */
export type Webhook = (request: Request) => Promise<HttpAnswer>;

/**
 * Takes a delivery of MLflow 3 (`X-MLflow-Signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`). Looks at the alias at once and asks
 * predict to do the same. Throws a `Problem` 401 for a delivery that `secret` did not sign, or that is not fresh.
 */
export function createWebhook({
  secret,
  refresh,
  predictUrl,
  keys,
  log,
  now = Date.now,
}: {
  secret: string;
  refresh: () => Promise<void>;
  predictUrl: string | undefined;
  keys: Keys;
  log: Log;
  now?: () => number;
}): Webhook {
  async function askPredict(): Promise<void> {
    if (predictUrl === undefined) return;
    try {
      const draft = { id: newId(), source: '/kickoff/ingress', type: refreshType };
      const order = signedEvent({ ...draft, data: { time: new Date(now()).toISOString() } }, keys);
      const url = new URL('/v1/model/refresh', predictUrl).href;
      const { status } = await send(url, binaryMessage(order), 10_000);
      if (status !== 200) log.warn('predict does not look at the alias now', { status });
    } catch (error) {
      // Its own poll sees the move later.
      log.warn('predict cannot be told of the move', { error: describe(error) });
    }
  }

  return async function webhook(request) {
    const body = await readText(request, bodyLimit);
    const given = (name: string): string => request.headers.get(`x-mlflow-${name}`) ?? '';
    const [id, timestamp] = [given('delivery-id'), given('timestamp')];
    const signed = `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    if (!same(given('signature'), signed)) throw new Problem(401, 'the delivery is not signed by the secret');
    // NaN compares as false.
    if (!(Math.abs(now() / 1000 - Number(timestamp)) <= freshness))
      throw new Problem(401, `the delivery is more than ${freshness} seconds old`);
    await Promise.all([refresh(), askPredict()]);
    return { status: 204 };
  };
}

/** Compares in constant time: it does not tell how much is right. */
function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
