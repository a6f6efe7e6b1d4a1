/** A value of an AMQP table with its type letter, as `go-sdk/main.go` reads it; amqplib decodes it to what `decoded` gives. */
export type Field = { t: string; v?: unknown };

/** What is read by the CloudEvents SDK for Go and by the local platform: an AMQP message, or a request to the Broker's ingress (`http`). */
export type Case = {
  name: string;
  contentType?: string;
  messageId?: string;
  timestamp?: number;
  headers?: Record<string, Field>;
  http?: Record<string, string>;
  body: Buffer;
};

const text = (v: string): Field => ({ t: 'S', v });
const whole = {
  specversion: '1.0',
  id: 'i',
  type: 't',
  source: '/s',
  time: '2020-01-01T00:00:00Z',
};
const ce = (attributes: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));

function binary(name: string, headers: Record<string, Field | undefined>, body = Buffer.from('{}')): Case {
  const given = Object.fromEntries(Object.entries(ce(whole)).map(([key, value]) => [key, text(value)]));
  const all = Object.entries({ ...given, ...headers }).filter(
    (entry): entry is [string, Field] => !!entry[1],
  );
  return { name: `AMQP binary: ${name}`, messageId: 'm', headers: Object.fromEntries(all), body };
}
function request(name: string, headers: Record<string, string>, body = Buffer.from('{}')): Case {
  const given = { ...ce(whole), 'content-type': 'application/json' };
  return { name: `HTTP binary: ${name}`, http: { ...given, ...headers }, body };
}
/** The same text in both: structured mode is one code in the SDK. */
function structured(name: string, content: string | object, type = 'application/cloudevents+json'): Case[] {
  const body = Buffer.from(typeof content === 'string' ? content : JSON.stringify({ ...whole, ...content }));
  return [
    { name: `AMQP structured: ${name}`, contentType: type, headers: {}, body },
    { name: `HTTP structured: ${name}`, http: { 'content-type': type }, body },
  ];
}

const fields: Field[] = [
  ...[5, -7, 0].map((v) => ({ t: 'I', v })),
  { t: 'l', v: 123456789012 },
  ...[1.5, 0.1, 123456.5, 1234567.5, -1234567.25, 99999.99, 999999.5, 0.0001234, 0.00001234].map((v) => ({
    t: 'd',
    v,
  })),
  { t: 'd', v: 1.25e22 },
  { t: 't', v: true },
  { t: 't', v: false },
  { t: 'V' },
  { t: 'x', v: Buffer.from('abc').toString('base64') },
  { t: 'T', v: 1_700_000_000 },
  { t: 'D', v: [2, 1234] },
  { t: 'A', v: [{ t: 'I', v: 1 }, text('x'), { t: 't', v: true }, { t: 'V' }, { t: 'D', v: [1, 5] }] },
  { t: 'F', v: { b: { t: 'I', v: 1 }, a: text('x'), c: { t: 'A', v: [text('y')] } } },
  { t: 'F', v: {} },
  { t: 'A', v: [] },
];
const values = [
  ...[
    '',
    ' ',
    ' v ',
    'a b',
    'größe',
    'a%20b',
    'a"b',
    '⚽',
    'a\tb',
    'a\nb',
    'a\x7fb',
    'a,b',
    '%zz',
    '5',
    'true',
  ],
  ...[
    'http://x/y?z=1#f',
    'HTTP://x/y',
    'urn:a:b',
    'http://[::1',
    'http://exa mple/',
    '/p/%41',
    '//h/p',
    ':x',
    '1:2',
  ],
  ...[
    'x://',
    '/a<b>',
    "/it's a",
    '/a|b',
    '/a\\b',
    '/[x]',
    'http://h/"q"',
    '/a^b`{}',
    '?q',
    '#f',
    '0.3',
    '0.2',
    '2.0',
  ],
];
const names = [
  ...[
    'a-b',
    'a_b',
    'a.b',
    'A',
    'x-y',
    'X-Foo',
    'ce-x-foo',
    'x-death',
    'CE-Up',
    'ä',
    'a b',
    'ce-ce-a',
    'tracestate',
  ],
  ...[
    'traceparent',
    'ce-traceparent',
    'Traceparent',
    'data',
    'datacontenttype',
    'schemaurl',
    'datacontentencoding',
  ],
  ...['cloudEvents:foo', 'cloudEvents_foo', 'knativeerrordest', 'averyveryverylongextensionnameindeed'],
];
const times = [
  ...[
    '2020-01-01t00:00:00z',
    '2020-01-01 00:00:00Z',
    '2020-01-01T00:00:00.123456789Z',
    '2020-01-01T00:00:00.100Z',
  ],
  ...[
    '2020-01-01T00:00:00+02:00',
    '2020-01-01T00:00:00.5-00:30',
    '2020-02-30T00:00:00Z',
    '2020-13-01T00:00:00Z',
  ],
  ...[
    '2020-01-01T24:00:00Z',
    '2020-01-01T23:59:60Z',
    '2020-01-01',
    '0001-01-01T00:00:00Z',
    '2021-02-29T00:00:00Z',
  ],
  ...['2020-01-01T00:00:00+24:00', '2020-01-01T00:00:00,5Z', '2020-01-01T1:00:00Z', '2020-01-01T00:00Z', ''],
];
const mediaTypes = [
  ...[
    '',
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset',
  ],
  ...[
    'application/json;',
    'application/json;;',
    'text',
    'a/b/c',
    'a/',
    'a b',
    'text/plain; charset="utf-8"',
    '*/*',
  ],
  ...[
    'text/plain; charset="ut',
    'text/plain; a=1; a=1',
    'text/plain; a=1; a=2',
    'text/plain; =x',
    ' text/plain',
  ],
  ...[
    'application/cloudevents+json',
    'application/cloudevents-batch+json',
    'application/cloudevents',
    'image/png',
  ],
  ...['text/plain;a="b\\"c"', 'text/plain, text/html', 'text/plain; a = b', 'text/plain;charset=ü'],
];
const jsonValues = [
  null,
  '',
  'x',
  ' x ',
  'ü b',
  5,
  -5,
  1.5,
  3_000_000_000,
  true,
  false,
  [1],
  { a: 1 },
  '0.3',
];
const attributes = [...Object.keys(whole), 'subject', 'dataschema', 'datacontenttype', 'myext'];
const bytes = Buffer.from([0, 255, 128]);

/** Every form that a message can take, by what the recordings do not show. */
export const cases: Case[] = [
  ...fields.map((field) => binary(JSON.stringify(field), { 'ce-val': field })),
  ...attributes.flatMap((name) => values.map((v) => binary(`${name}=${v}`, { [`ce-${name}`]: text(v) }))),
  ...attributes.map((name) => binary(`no ${name}`, { [`ce-${name}`]: undefined })),
  ...names.map((name) => binary(`name ${name}`, { [name]: text('http://v/x') })),
  ...times.map((time) => binary(`time ${time}`, { 'ce-time': text(time) })),
  ...mediaTypes.map((type) => binary(`content-type ${type}`, { 'content-type': text(type) })),
  binary('bytes', { 'content-type': text('application/octet-stream') }, bytes),
  binary('no body', {}, Buffer.of()),
  ...mediaTypes.map((contentType) => ({
    ...{ name: `AMQP plain: ${contentType}`, contentType, messageId: 'm', headers: {}, body: bytes },
  })),
  ...[0, 1_700_000_000].map((timestamp) => ({
    ...{ name: `AMQP plain: at ${timestamp}`, timestamp, messageId: 'ü', headers: {}, body: Buffer.of() },
  })),
  { name: 'AMQP plain: headers', messageId: 'm', headers: { foo: text('x'), id: text('z') }, body: bytes },
  ...attributes.flatMap((name) =>
    values
      .filter((v) => !/[\n\x7f]/.test(v))
      .map((v) =>
        request(`${name}=${v}`, { [name === 'datacontenttype' ? 'content-type' : `ce-${name}`]: v }),
      ),
  ),
  ...[
    'a-b',
    'a_b',
    'A',
    'data',
    'datacontenttype',
    'schemaurl',
    'x-y',
    'knativeerrordest',
    'traceparent',
  ].map((name) => request(`name ${name}`, { [`ce-${name}`]: 'v' })),
  ...mediaTypes.map((type) => request(`content-type ${type}`, { 'content-type': type })),
  request('bytes', { 'content-type': 'application/octet-stream' }, bytes),
  request(
    'both modes',
    { 'content-type': 'application/cloudevents+json' },
    Buffer.from(JSON.stringify(whole)),
  ),
  ...attributes.flatMap((name) =>
    jsonValues.flatMap((value) => structured(`${name}=${JSON.stringify(value)}`, { [name]: value })),
  ),
  ...['My', 'Id', 'a_b', 'x-y', 'traceparent', 'schemaurl'].flatMap((name) =>
    structured(`name ${name}`, { [name]: 'v' }),
  ),
  ...[
    undefined,
    'application/json; charset=utf-8',
    'text/json',
    'Application/JSON',
    'application/x+json',
    'text/plain',
  ].flatMap((datacontenttype) =>
    [null, 'x', 5, { a: 1 }, [1]].flatMap((data) =>
      structured(`${datacontenttype ?? 'no type'}, data ${JSON.stringify(data)}`, { datacontenttype, data }),
    ),
  ),
  ...['aGk=', 'aGk', '!!', '_-_-', '', 5, null].flatMap((encoded) =>
    structured(`data_base64 ${encoded}`, { data_base64: encoded }),
  ),
  ...structured('0.3 in base64', {
    ...{ specversion: '0.3', datacontentencoding: 'base64', datacontenttype: 'text/plain', data: 'aGk=' },
    schemaurl: 'http://x/y',
  }),
  ...structured('0.3 as JSON', { specversion: '0.3', data: { a: 1 }, subject: 's' }),
  ...['', 'null', '5', '[]', '{', '{}', ' \n', '\ufeff{}'].flatMap((body) =>
    structured(`body ${body}`, body),
  ),
  ...structured('two values', JSON.stringify(whole) + JSON.stringify(whole)),
  ...structured('something behind it', `${JSON.stringify(whole)} x`),
  ...structured('data that is no JSON', JSON.stringify(whole).replace(/}$/, ',"data":{a}}')),
  ...structured('data cut off', JSON.stringify(whole).replace(/}$/, ',"data":tru}')),
  ...structured('an attribute twice', JSON.stringify(whole).replace(/}$/, ',"id":"again"}')),
  ...structured('escapes', JSON.stringify(whole).replace(/}$/, ',"myext":"\\u00e9","data":"\\u00e9"}')),
  ...structured('a batch', JSON.stringify([whole]), 'application/cloudevents-batch+json'),
];

/** An AMQP value as amqplib gives it. */
export function decoded({ t, v }: Field): unknown {
  if (t === 'V') return null;
  if (t === 'x') return Buffer.from(v as string, 'base64');
  if (t === 'T') return { '!': 'timestamp', value: v };
  if (t === 'A') return (v as Field[]).map(decoded);
  if (t === 'F')
    return Object.fromEntries(
      Object.entries(v as object).map(([key, each]: [string, Field]) => [key, decoded(each)]),
    );
  if (t !== 'D') return v;
  const [places, digits] = v as [number, number];
  return { '!': 'decimal', value: { places, digits } };
}
