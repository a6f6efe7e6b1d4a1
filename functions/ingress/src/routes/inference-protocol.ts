import type { Context } from 'hono';
import * as v from 'valibot';
import { Problem } from '../../../shared/http/problem.ts';
import type { Prediction } from '../../../shared/prediction.ts';
import { encodeFloats, InferenceRequest, readRows, splitBody } from './inference-tensors.ts';
import { readBytes } from '../http/body.ts';
import { type Handlers, type HttpAnswer, json, jsonText } from '../http/answer.ts';
import { inOneLine, type OutputName, outputs, predictRows } from './predict-rows.ts';
import { bodyLimit, type PredictionParts } from './predictions.ts';

type Route = (path: string, handlers: Handlers) => void;
type Wanted = { name: OutputName; binary: boolean };

const defaultOutputs: readonly OutputName[] = ['probs', 'xg', 'markets'];
const outputNames = Object.keys(outputs) as OutputName[];

/**
 * The routes of the Open Inference Protocol v2 over HTTP, with its binary tensor extension, for the one model here. Errors are `{"error"}`, as
 * its clients expect.
 */
export function inferenceRoutes(route: Route, present: () => PredictionParts): void {
  const answer =
    (work: (c: Context, parts: PredictionParts) => HttpAnswer | Promise<HttpAnswer>) =>
    async (c: Context): Promise<HttpAnswer> => {
      try {
        return await work(c, present());
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const { status, headers } = error;
        return json({ error: inOneLine(error) }, { status: status === 422 ? 400 : status, headers });
      }
    };

  function ref(c: Context, { catalog }: PredictionParts) {
    const { ref } = catalog.current();
    const { name, version } = c.req.param();
    if (name !== ref.name || (version !== undefined && version !== ref.version))
      throw new Problem(404, `the model here is ${ref.name} version ${ref.version}`);
    return ref;
  }

  route('/v2', {
    GET: answer(() => json({ name: 'kickoff', version: '2', extensions: ['binary_tensor_data'] })),
  });
  route('/v2/health/live', { GET: () => json({ live: true }) });
  route('/v2/health/ready', { GET: answer(() => json({ ready: true })) });
  for (const model of ['/v2/models/:name', '/v2/models/:name/versions/:version']) {
    route(model, { GET: answer((c, parts) => json(metadata(ref(c, parts)))) });
    route(`${model}/ready`, {
      GET: answer((c, parts) => json({ name: ref(c, parts).name, ready: true })),
    });
    route(`${model}/infer`, {
      POST: answer(async (c, parts) => {
        const { name, version } = ref(c, parts);
        const headerLength = c.req.header('inference-header-content-length') ?? null;
        const { json: head, binary } = splitBody(await readBytes(c.req.raw, bodyLimit), headerLength);
        const parsed = v.safeParse(InferenceRequest, head, { abortEarly: true });
        if (!parsed.success) {
          const [issue] = parsed.issues;
          throw new Problem(400, `${v.getDotPath(issue) ?? 'the request'}: ${issue.message}`);
        }
        const wanted = wantedOutputs(parsed.output);
        const rows = readRows(parsed.output, binary);
        const scoreline = wanted.some((one) => one.name === 'scoreline');
        const { predictions, model } = await predictRows(rows, c.req.raw, parts, { scoreline });
        const { id } = parsed.output;
        const refused = parts.refusedVersion();
        return inferenceResponse(
          {
            model_name: name,
            model_version: model?.version ?? version,
            ...(id === undefined ? {} : { id }),
            ...(refused === undefined ? {} : { parameters: { refused } }),
          },
          predictions,
          wanted,
        );
      }),
    });
  }
}

function metadata({ name, version }: { name: string; version: string }) {
  const input = (title: string) => ({ name: title, datatype: 'BYTES', shape: [-1] });
  return {
    name,
    versions: [version],
    platform: 'onnx_onnxv1',
    inputs: ['home', 'away', 'league'].map(input),
    outputs: outputNames.map((title) => ({
      name: title,
      datatype: 'FP32',
      shape: [-1, ...outputs[title].shape],
    })),
  };
}

function wantedOutputs({ outputs: asked, parameters }: InferenceRequest): Wanted[] {
  const all = parameters['binary_data_output'] === true;
  if (!asked || asked.length === 0) return defaultOutputs.map((name) => ({ name, binary: all }));
  return asked.map((output) => {
    const name = outputNames.find((one) => one === output.name);
    if (!name) throw new Problem(400, `there is no output "${output.name}": ${outputNames.join(', ')}`);
    if (output.parameters['classification'] !== undefined)
      throw new Problem(400, 'the classification extension is not supported');
    return {
      name,
      binary:
        output.parameters['binary_data'] === undefined ? all : output.parameters['binary_data'] === true,
    };
  });
}

function inferenceResponse(
  head: object,
  predictions: readonly Prediction[],
  wanted: readonly Wanted[],
): HttpAnswer {
  const tails: Uint8Array[] = [];
  const tensors = wanted.map(({ name, binary }) => {
    const { shape, values } = outputs[name];
    const tensor = { name, datatype: 'FP32', shape: [predictions.length, ...shape] };
    const data = predictions.flatMap(values);
    if (!binary) return { ...tensor, data };
    const bytes = encodeFloats(data);
    tails.push(bytes);
    return { ...tensor, parameters: { binary_data_size: bytes.byteLength } };
  });
  const text = JSON.stringify({ ...head, outputs: tensors });
  if (tails.length === 0) return jsonText(text);
  const bytes = Buffer.from(text);
  return {
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(bytes.byteLength),
    },
    body: Buffer.concat([bytes, ...tails]),
  };
}
