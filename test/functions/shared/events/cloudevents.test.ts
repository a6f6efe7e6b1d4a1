import { describe, expect, test } from 'vitest';
import {
  binaryMessage,
  createEvent,
  extensionsOf,
  readEvent,
  readEvents,
  structuredMessage,
} from '../../../../functions/shared/events/cloudevents.ts';

const attributes = { specversion: '1.0', id: '1', source: '/test', type: 'test' };
const request = (headers: Record<string, string>, body?: unknown): Request =>
  new Request('http://x/', {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const structured = (event: unknown): Request =>
  request({ 'content-type': 'application/cloudevents+json' }, event);
const binary = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/test', 'ce-type': 'test' };

describe('an event is refused', () => {
  test.each([
    ['broken JSON', '{'],
    ['an array', []],
    ['no id', { ...attributes, id: undefined }],
    ['an empty id', { ...attributes, id: '' }],
    ['no source', { ...attributes, source: undefined }],
    ['no type', { ...attributes, type: undefined }],
    ['no specversion', { ...attributes, specversion: undefined }],
    ['specversion 0.3', { ...attributes, specversion: '0.3' }],
    ['a time that is none', { ...attributes, time: 'yesterday' }],
    ['a year that RFC 3339 has not', { ...attributes, time: '9999-12-31T23:59:59-01:00' }],
    ['an extension with a bad name', { ...attributes, 'bad-name': 'x' }],
    ['an extension that is an object', { ...attributes, extension: { a: 1 } }],
    ['data_base64 that is no JSON', { ...attributes, data_base64: 'aGk=' }],
  ])('in structured mode: %s', async (_, event) => {
    await expect(readEvent(structured(event))).rejects.toMatchObject({ name: 'EventFault' });
  });

  test.each([
    ['no headers', {}],
    ['no id', { ...binary, 'ce-id': '' }],
    ['data that is no JSON', { ...binary, 'content-type': 'application/xml' }],
  ])('in binary mode: %s', async (_, headers) => {
    await expect(readEvent(request(headers, '{}'))).rejects.toMatchObject({ name: 'EventFault' });
  });

  test('as a batch, where one is expected', async () => {
    const batch = request({ 'content-type': 'application/cloudevents-batch+json' }, [attributes, attributes]);
    await expect(readEvent(batch)).rejects.toThrow(/not a batch/);
  });
});

test('a header is read as the Broker sends it, which encodes nothing', async () => {
  for (const value of ['50% off', 'order%2F7', '%zz', 'a"b']) {
    const event = await readEvent(request({ ...binary, 'ce-correlationid': value }));
    expect(event['correlationid']).toBe(value);
    expect(binaryMessage(event).headers['ce-correlationid']).toBe(value);
  }
});

test('an extension that no header can hold does not follow, every other does', async () => {
  const extensions = {
    lines: 'two\nlines',
    tab: 'a\tb',
    del: '\u007f',
    next: '\u0085 é',
    percent: '50% off',
  };
  const event = createEvent({ id: '1', source: '/test', type: 'test', data: 1, extensions });
  const followed = extensionsOf(event, Object.keys(extensions));
  expect(followed).toEqual({ next: extensions.next, percent: extensions.percent });
  const next = createEvent({ id: '2', source: '/test', type: 'test', data: 1, extensions: followed });
  const { headers, body } = binaryMessage(next);
  expect(await readEvent(request(headers, body))).toMatchObject(followed);
});

test('what is written in either mode is read back the same', async () => {
  const event = createEvent({
    id: 'a b%"é',
    source: '/kickoff/test',
    type: 'test',
    extensions: { correlationid: '7 € 😀', traceparent: '00-a-b-01' },
    data: { text: 'größe', list: [1, null] },
  });
  for (const { headers, body } of [binaryMessage(event), structuredMessage(event)]) {
    expect((await readEvent(request(headers, body))).toJSON()).toEqual(event.toJSON());
  }
  expect(event.time).toMatch(/^\d{4}-/);
});

test('content types in any spelling, data_base64, raw UTF-8 headers and batches are read', async () => {
  const spelled = request(
    { 'content-type': 'Application/CloudEvents+JSON; charset="utf-8"' },
    { ...attributes, data: 7 },
  );
  expect((await readEvent(spelled)).data).toBe(7);
  const encoded = Buffer.from('{"a":1}').toString('base64');
  expect((await readEvent(structured({ ...attributes, data_base64: encoded }))).data).toEqual({ a: 1 });
  const raw = {
    ...binary,
    'ce-subject': Buffer.from('größe').toString('latin1'),
    'content-type': 'application/json;charset=UTF-8',
  };
  expect(await readEvent(request(raw, '"text"'))).toMatchObject({ subject: 'größe', data: 'text' });
  const batch = request({ 'content-type': 'application/cloudevents-batch+json' }, [
    attributes,
    { ...attributes, id: '2' },
  ]);
  expect((await readEvents(batch)).map(({ id }) => id)).toEqual(['1', '2']);
});

describe('the content type of the data', () => {
  const headers = (type: string) => ({ ...binary, 'content-type': type });
  const stated = (type: string, data: object = { data: { a: 1 } }): Request =>
    structured({ ...attributes, datacontenttype: type, ...data });

  test.each(['application/json; charset=UTF-8', 'text/json', 'Application/JSON', 'application/a+json'])(
    'goes on as application/json in either mode: %s',
    async (type) => {
      const read = { datacontenttype: 'application/json', data: { a: 1 } };
      expect(await readEvent(stated(type))).toMatchObject(read);
      expect(await readEvent(request(headers(type), { a: 1 }))).toMatchObject(read);
    },
  );

  test.each(['text/plain', 'application/xml', 'json'])(
    'is unsupported in either mode where it is not JSON: %s',
    async (type) => {
      const fault = { name: 'EventFault', unsupported: true };
      await expect(readEvent(stated(type))).rejects.toMatchObject(fault);
      await expect(readEvent(stated(type, { data_base64: 'e30=' }))).rejects.toMatchObject(fault);
      await expect(readEvent(request(headers(type), '{}'))).rejects.toMatchObject(fault);
    },
  );
});

describe('the trace of a binary event', () => {
  test('is read from the plain headers that the Broker makes of it', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const event = await readEvent(request({ ...binary, traceparent, tracestate: 'a=b' }));
    expect(event).toMatchObject({ traceparent, tracestate: 'a=b' });
  });

  test('is absent where none came, and the event says it better than a header', async () => {
    expect(await readEvent(request(binary))).not.toHaveProperty('traceparent');
    const own = '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const event = await readEvent(request({ ...binary, 'ce-traceparent': own, traceparent }));
    expect(event['traceparent']).toBe(own);
  });
});
