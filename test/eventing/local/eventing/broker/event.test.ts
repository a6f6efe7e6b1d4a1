import { describe, expect, test } from 'vitest';
import { fromMessage, toMessage } from '../../../../../eventing/local/eventing/broker/amqp-binding.ts';
import { NotAnEvent, validate } from '../../../../../eventing/local/eventing/broker/event.ts';
import { goString } from '../../../../../eventing/local/eventing/broker/go-string.ts';
import { fromHttp, toHttp } from '../../../../../eventing/local/eventing/broker/http-binding.ts';
import { fromJson } from '../../../../../eventing/local/eventing/broker/json-format.ts';
import { normalTime } from '../../../../../eventing/local/eventing/broker/rfc3339.ts';

const head = '"specversion":"1.0","id":"1","source":"/s","type":"t"';
const json = (text: string) => fromJson(Buffer.from(text));
const data = (text: string) => Buffer.from(json(text).data).toString();

describe('the JSON format', () => {
  test.each([
    ['', 'nothing'],
    ['[]', 'a list'],
    ['{"specversion":"1.0"', 'cut off'],
    [`{${head},"data":{"a":1}`, 'cut off behind the data'],
    [`{${head},"data":"x}`, 'cut off in a string'],
    [`{${head} "data":1}`, 'no comma'],
    ['{"id":"1","source":"/s","type":"t"}', 'no specversion'],
    [`{${head},"myext":{"a":1}}`, 'an extension that is an object'],
    [`{${head},"myext":2147483648}`, 'an extension beyond 32 bits'],
    [`{${head},"my_ext":"v"}`, 'an extension name with an underscore'],
    [`{${head},"time":"yesterday"}`, 'a time that is none'],
    [`{${head},"datacontenttype":"text/plain","data":{"a":1}}`, 'text that is an object'],
  ])('%s is refused: %s', (text) => {
    expect(() => json(text)).toThrow(NotAnEvent);
  });

  test('data keeps its very bytes', () => {
    const number = '{ "big": 12345678901234567890, "one": 1.0, "s": "a\\"}]\\\\" }';
    expect(data(`{"data": ${number} , ${head}}`)).toBe(number);
    expect(data(`{${head},"data":[1,{"a":[]}]}`)).toBe('[1,{"a":[]}]');
    expect(data(`{${head},"data":3}`)).toBe('3');
    expect(data(`{${head}}`)).toBe('');
  });

  test('data of another media type is the text of its string, data_base64 its bytes', () => {
    expect(data(`{${head},"datacontenttype":"text/plain","data":"a\\nb"}`)).toBe('a\nb');
    expect(data(`{${head},"data_base64":"aGk="}`)).toBe('hi');
  });

  test('null attributes and an empty subject are absent', () => {
    expect(json(`{${head},"subject":null}`).attributes).not.toHaveProperty('subject');
    expect(json(`{${head},"subject":""}`).attributes).not.toHaveProperty('subject');
  });

  test('numbers are cut to integers', () => {
    expect(json(`{${head},"a":1.9,"b":true}`).attributes).toMatchObject({ a: 1, b: true });
  });
});

describe('validation', () => {
  test('dataschema must be absolute', () => {
    expect(() => {
      validate(json(`{${head},"dataschema":"/schema"}`));
    }).toThrow('absolute');
  });
  test.each(['id', 'source', 'type'])('%s must not be empty', (name) => {
    const event = json(`{${head}}`);
    event.attributes[name] = ' ';
    expect(() => {
      validate(event);
    }).toThrow(`${name} is missing or empty`);
  });
});

test('an event goes through HTTP and AMQP and back unchanged, extensions as text', () => {
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/s',
    'ce-type': 't',
    'ce-time': '2026-01-02T03:04:05.678Z',
    'ce-correlationid': 'c',
    'content-type': 'application/json; charset=utf-8',
  };
  const event = fromHttp(headers, Buffer.from('{}'));
  expect(toHttp(fromMessage(toMessage(event), 'x'))).toEqual(headers);
});

test('text that is not ASCII goes out as UTF-8 and comes back', () => {
  const onTheWire = Buffer.from('zażółć').toString('latin1');
  const event = fromHttp({ 'ce-specversion': '1.0', 'ce-subject': onTheWire }, Buffer.of());
  expect(event.attributes['subject']).toBe('zażółć');
  expect(toHttp(event)['ce-subject']).toBe(onTheWire);
});

test('times become UTC with as many decimals as they need', () => {
  expect(normalTime('2026-01-02T03:04:05.120+02:00')).toBe('2026-01-02T01:04:05.12Z');
  expect(normalTime('2026-01-02T03:04:05.123456789Z')).toBe('2026-01-02T03:04:05.123456789Z');
  expect(['yesterday', '2026-01-02', '2026-13-02T03:04:05Z'].map(normalTime)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('header values read as Go prints them', () => {
  const values = [true, 42, 1.5, 1e21, 0.00001, null, ['a', [1]], { b: 1, a: 'x' }, Buffer.of(1, 2)];
  expect(values.map(goString)).toEqual([
    'true',
    '42',
    '1.5',
    '1e+21',
    '1e-05',
    '<nil>',
    '[a [1]]',
    'map[a:x b:1]',
    '[1 2]',
  ]);
  expect(goString({ '!': 'timestamp', value: 1767323045 })).toBe('2026-01-02 03:04:05 +0000 UTC');
});
