import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../eventing/local/eventing/broker/clock.ts';
import { complete, toHttp } from '../../../eventing/local/eventing/broker/http-binding.ts';
import { ingress } from '../../../eventing/local/eventing/broker/ingress.ts';
import type { Message } from '../../../eventing/local/eventing/broker/queues.ts';
import { sourceEvent } from '../../../eventing/local/eventing/source/source.ts';
import { readEvent, structuredMessage } from '../../../functions/shared/events/cloudevents.ts';
import { signedEvent, verify } from '../../../functions/shared/events/signature.ts';
import { newId } from '../../../functions/shared/id.ts';
import { keys } from '../../signing.ts';
import { type Case, cases, decoded } from './go-sdk-cases.ts';
import { goSdk, madeBySdk } from './go-sdk-program.ts';

// What no recording shows is asked of the code that the real adapter and the real ingress are built on: the CloudEvents SDK for Go.

/** Headers by name and the body in base64, or the word `refused`. */
type Read = { headers: Record<string, unknown>; body: string } | 'refused';

/** Headers of the HTTP client; and values of a moment, of which only the form can be compared. */
const client = new Set(['accept-encoding', 'user-agent', 'content-length']);
const now = /^20(2[6-9]|[3-9]\d)-/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function compared(headers: Record<string, unknown>, body: Uint8Array | string): Read {
  const entries = Object.entries(headers)
    .filter(([name]) => !client.has(name))
    .map(([name, value]): [string, unknown] => [
      name,
      now.test(String(value)) ? 'now' : uuid.test(String(value)) ? 'a random id' : value,
    ]);
  return {
    headers: Object.fromEntries(entries),
    body: typeof body === 'string' ? body : Buffer.from(body).toString('base64'),
  };
}

function bySdk(program: string): Read[] {
  return madeBySdk(program, cases).map(({ headers, body, error }) =>
    error === undefined ? compared(headers, body ?? '') : 'refused',
  );
}

async function byUs({ http, headers = {}, contentType, messageId, timestamp, body }: Case): Promise<Read> {
  if (http) {
    const published: Message[] = [];
    const raw = Object.entries(http).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
    const given = Object.fromEntries(raw) as Record<string, string>;
    const { status } = await ingress(
      { method: 'POST', path: '/', headers: given, body },
      async (message) => void published.push(message),
      () => undefined,
    );
    const [message] = published;
    return status === 202 && message ? compared(message.headers, message.body) : 'refused';
  }
  const table = Object.fromEntries(Object.entries(headers).map(([name, field]) => [name, decoded(field)]));
  const message: Message = { headers: table, contentType, messageId, timestamp, body };
  try {
    const event = complete(sourceEvent(message, 'SOURCE', systemClock), systemClock.now);
    const sent = Object.entries(toHttp(event)).map(([name, value]) => {
      // What an HTTP client refuses to send, and a server takes off.
      if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new Error(`${name} cannot be a header`);
      return [
        name,
        Buffer.from(value, 'latin1')
          .toString()
          .replace(/^[\t ]+|(?<![\t ])[\t ]+$/g, ''),
      ];
    });
    return compared(Object.fromEntries(sent) as Record<string, string>, event.data);
  } catch {
    return 'refused';
  }
}

describe.skipIf('missing' in goSdk)('messages as the CloudEvents SDK for Go reads them', () => {
  test(`${cases.length} messages and requests that no recording has`, async () => {
    if ('missing' in goSdk) return;
    const sdk = bySdk(goSdk.path);
    const refused = sdk.filter((read) => read === 'refused').length;
    console.log(`by the Go SDK: ${cases.length} compared, ${refused} of them refused by it`);
    for (const [index, one] of cases.entries())
      expect.soft({ [one.name]: await byUs(one) }).toEqual({ [one.name]: sdk[index] });
    expect(refused).toBeGreaterThan(50);
    expect(cases.length - refused).toBeGreaterThan(500);
  });

  test('an event of ours keeps its signature, by AMQP or HTTP, through source, ingress and dispatcher', async () => {
    if ('missing' in goSdk) return;
    const { path } = goSdk;
    const data = {
      text: 'größe <b>&amp;</b> \u2028 "\\ 😀',
      numbers: [0.1, -0, 1e21, 1e-7, 12345678901234567890, 100],
      nested: { 'ä b': [null, true, {}, []] },
    };
    const extensions = { sweep: 'next', shadow: 'wanted', correlationid: 'c' };
    const draft = { id: newId(), source: '/kickoff/ingress', type: 'test', extensions, data };
    const { headers, body } = structuredMessage(signedEvent(draft, keys));
    const step = (name: string, given: Omit<Case, 'name' | 'body'>, content: Buffer) => {
      const [read] = madeBySdk(path, [{ name, ...given, body: content }]);
      if (!read || read.error !== undefined) throw new Error(`${name}: ${read?.error ?? 'nothing'}`);
      return {
        headers: read.headers as Record<string, string>,
        body: Buffer.from(read.body ?? '', 'base64'),
      };
    };
    const bytes = Buffer.from(body);
    const source = step('source', { contentType: 'application/cloudevents+json', headers: {} }, bytes);
    for (const posted of [
      { http: source.headers, body: source.body },
      { http: headers, body: bytes },
    ]) {
      const ingressed = step('ingress', { http: posted.http }, posted.body);
      const fields = Object.entries(ingressed.headers).map(([name, v]) => [name, { t: 'S', v }] as const);
      const delivered = step('dispatcher', { headers: Object.fromEntries(fields) }, ingressed.body);
      for (const received of [source, delivered]) {
        const request = new Request('http://predict/', {
          method: 'POST',
          headers: received.headers,
          body: new Uint8Array(received.body),
        });
        const event = await readEvent(request);
        expect(verify(event, keys)).toBe('ours');
        expect(event).toMatchObject({ ...extensions, data: { text: data.text } });
      }
    }
  });
});
