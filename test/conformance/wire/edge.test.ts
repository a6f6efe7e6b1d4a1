import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admitted, attributeBounds } from '../../../functions/ingress/src/routes/attributes.ts';
import { readEvent, readEvents, structuredMessage } from '../../../functions/shared/events/cloudevents.ts';
import type { Case } from './go-sdk-cases.ts';
import { goSdk, madeBySdk } from './go-sdk-program.ts';

// What a producer sent over HTTP goes as a structured message to the source, in binary mode to the Broker, as an AMQP message to the dispatcher, and in
// binary mode to a function.

const parse = (text: string): unknown => JSON.parse(text);
const { characters, nameCharacters } = attributeBounds;
const text = fc.string({ unit: 'binary', maxLength: 12 });
const printable = fc.string({ unit: 'grapheme-ascii', maxLength: characters + 1 });
const uri = fc.oneof(
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.string({
    unit: fc.constantFrom(...Array.from(`aZ9:/?#@!$&'()*+,;=.-_~%[] "<>\\^\`{}|é`)),
    minLength: 1,
    maxLength: 8,
  }),
  fc.constantFrom(
    'urn:a:b',
    'mailto:a@b',
    'a:?b',
    '/a:b',
    'x/y:z',
    '//h/p',
    'x://',
    'file:///a',
    'h:',
    '?',
    './a',
    'a//b',
  ),
  fc.string({ unit: fc.constantFrom(...Array.from('a1:/?@.')), minLength: 1, maxLength: 6 }),
);
/** One attribute that is not as plain as the others. */
const attributes = fc.oneof(
  fc.record({ source: uri }),
  fc.record({ dataschema: uri }),
  fc.record({ id: fc.oneof(printable, text) }),
  fc.record({ subject: fc.oneof(printable, text) }),
  fc.record({ extension: fc.oneof(printable, text) }),
  fc.record({ ['n'.repeat(nameCharacters)]: printable }),
  fc.record({
    time: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      text,
    ),
  }),
  fc.record({ datacontenttype: fc.constantFrom('application/json', 'text/json', 'application/x+json') }),
  fc.record({ number: fc.oneof(fc.integer(), fc.double(), fc.integer({ min: -(2 ** 33), max: 2 ** 33 })) }),
  fc.record({ truth: fc.boolean() }),
);
const plain = { specversion: '1.0', type: 'test', id: '1', source: '/s', time: '2026-01-01T00:00:00Z' };

async function accepted(sample: object) {
  const body = JSON.stringify({ ...plain, ...sample, data: { a: 1 } });
  const headers = { 'content-type': 'application/cloudevents+json' };
  try {
    const [event] = await readEvents(new Request('http://x/', { method: 'POST', headers, body }), {
      parse,
      admit: admitted,
    });
    return event;
  } catch {
    return undefined;
  }
}

test.skipIf('missing' in goSdk)('what is taken in over HTTP reaches a function as it was sent', async () => {
  if ('missing' in goSdk) return;
  const { path } = goSdk;
  const samples = fc.sample(attributes, { numRuns: 4000, seed: 17 });
  const events = (await Promise.all(samples.map(accepted))).filter((event) => event !== undefined);
  console.log(`${events.length} of ${samples.length} events are taken in`);
  expect(events.length).toBeGreaterThan(1000);

  const hop = (cases: Case[]) => {
    const made = madeBySdk(path, cases);
    return made.map(({ headers, body, error }) => {
      expect(error).toBeUndefined();
      return { headers: headers as Record<string, string>, body: Buffer.from(body ?? '', 'base64') };
    });
  };
  const toBroker = hop(
    events.map((event) => ({
      name: event.id,
      contentType: 'application/cloudevents+json',
      headers: {},
      body: Buffer.from(structuredMessage(event).body),
    })),
  );
  const queued = hop(toBroker.map(({ headers, body }) => ({ name: 'broker', http: headers, body })));
  const delivered = hop(
    queued.map(({ headers, body }) => ({
      name: 'dispatcher',
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, { t: 'S', v: value }]),
      ),
      body,
    })),
  );
  for (const [n, { headers, body }] of delivered.entries()) {
    const request = new Request('http://x/', { method: 'POST', headers, body: new Uint8Array(body) });
    expect((await readEvent(request)).toJSON()).toEqual(events[n]?.toJSON());
  }
});
