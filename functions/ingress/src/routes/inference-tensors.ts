import * as v from 'valibot';
import { Problem } from '../../../shared/http/problem.ts';
import { parseJson } from '../http/parse-json.ts';
import type { Row } from './predict-rows.ts';

/** Parameters by name. Not `v.record`: it takes an array for an object too. */
export const Parameters = v.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A tensor of a request (Open Inference Protocol v2): its values in `data`, or `binary_data_size` bytes behind the JSON. */
const Tensor = v.object({
  name: v.string(),
  shape: v.pipe(v.array(count), v.minLength(1), v.maxLength(2)),
  datatype: v.string(),
  parameters: v.optional(Parameters, {}),
  data: v.optional(v.array(v.unknown())),
});

/** The JSON part of a request for inference. */
export const InferenceRequest = v.object({
  id: v.optional(v.pipe(v.string(), v.maxLength(200))),
  parameters: v.optional(Parameters, {}),
  inputs: v.pipe(v.array(Tensor), v.minLength(1)),
  outputs: v.optional(v.array(v.object({ name: v.string(), parameters: v.optional(Parameters, {}) }))),
});
export type InferenceRequest = v.InferOutput<typeof InferenceRequest>;
type Tensor = v.InferOutput<typeof Tensor>;

const inputNames = ['home', 'away', 'league'] as const;

/** Splits a body into its JSON and the binary tensors behind it (`Inference-Header-Content-Length`). Throws a `Problem`: 400, or 422 beyond the bounds of a body. */
export function splitBody(
  body: Uint8Array,
  headerLength: string | null,
): { json: unknown; binary: Uint8Array } {
  const length = headerLength === null ? body.byteLength : Number(headerLength);
  if (!Number.isInteger(length) || length < 0 || length > body.byteLength)
    throw new Problem(400, 'Inference-Header-Content-Length must be the length of the JSON in the body');
  return { json: parseJson(utf8(body.subarray(0, length))), binary: body.subarray(length) };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, 'the JSON of the body is not UTF-8');
  }
}

/** The rows in the tensors home, away and (optional) league. Throws a `Problem` 400. */
export function readRows({ inputs }: InferenceRequest, binary: Uint8Array): Row[] {
  const columns: Partial<Record<(typeof inputNames)[number], string[]>> = {};
  let at = 0;
  for (const tensor of inputs) {
    const name = inputNames.find((one) => one === tensor.name);
    if (name === undefined || columns[name])
      throw new Problem(
        400,
        `the inputs are ${inputNames.join(', ')}, each once at most; not "${tensor.name}"`,
      );
    const size = tensor.parameters['binary_data_size'];
    if (size === undefined) columns[name] = textsOf(tensor, tensor.data?.flat() ?? []);
    else {
      const parsed = v.safeParse(count, size);
      if (!parsed.success || at + parsed.output > binary.byteLength)
        throw new Problem(400, `binary_data_size of ${name} does not fit the body`);
      columns[name] = textsOf(tensor, decodeBytes(binary.subarray(at, at + parsed.output), name));
      at += parsed.output;
    }
  }
  if (at !== binary.byteLength) throw new Problem(400, 'there are more bytes than the inputs have');
  const { home, away, league } = columns;
  if (!home || !away) throw new Problem(400, 'the inputs home and away are required');
  if (home.length !== away.length || (league && league.length !== home.length))
    throw new Problem(400, 'the inputs must have the same number of elements');
  return home.map((name, place) => ({ home: name, away: away[place] ?? '', league: league?.[place] }));
}

function textsOf({ name, shape, datatype }: Tensor, values: readonly unknown[]): string[] {
  if (datatype !== 'BYTES') throw new Problem(400, `${name} must have the datatype BYTES, not ${datatype}`);
  if (shape.length === 2 && shape[1] !== 1)
    throw new Problem(400, `${name} must have the shape [n] or [n, 1]`);
  const texts = values.filter((value) => typeof value === 'string');
  if (texts.length !== values.length) throw new Problem(400, `${name} must hold text only`);
  if (texts.length !== shape[0])
    throw new Problem(400, `${name} has ${texts.length} elements and the shape [${shape.join(', ')}]`);
  return texts;
}

/** Elements of a BYTES tensor: each its length as a little-endian uint32, then its bytes. */
function decodeBytes(bytes: Uint8Array, name: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const texts: string[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const length = at + 4 <= bytes.byteLength ? view.getUint32(at, true) : Infinity;
    if (at + 4 + length > bytes.byteLength) throw new Problem(400, `the bytes of ${name} end too early`);
    try {
      texts.push(decoder.decode(bytes.subarray(at + 4, at + 4 + length)));
    } catch {
      throw new Problem(400, `element ${texts.length} of ${name} is not UTF-8`);
    }
    at += 4 + length;
  }
  return texts;
}

/** Numbers as the bytes of an FP32 tensor: little-endian. */
export function encodeFloats(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [place, value] of values.entries()) view.setFloat32(place * 4, value, true);
  return bytes;
}
