import { examples } from './openapi-examples.ts';
import {
  json,
  ok,
  type OpenApi,
  type Parameter,
  answerHeaders,
  type Response,
  starting,
} from './openapi-parts.ts';

const inferenceError = (status: number, description: string, error: string): Record<string, Response> => ({
  [status]: { description, headers: answerHeaders, content: json('InferenceError', { error }) },
});
const notHere = inferenceError(404, 'Another model or version.', 'the model here is match-outcome version 1');
const notReady = inferenceError(
  503,
  'Starting, overloaded, or the store is away.',
  'starting: the teams of the model are being loaded',
);
const pathParameter = (name: string, description: string, example: string): Parameter => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', pattern: '^[A-Za-z0-9._-]+$' },
  example,
});

/** The routes of one model; those with a version are the same ones for the version that answers. */
function inferenceModel(prefix: string, suffix: string, parameters: Parameter[]): OpenApi['paths'] {
  return {
    [prefix]: {
      get: {
        operationId: `getInferenceModel${suffix}`,
        tags: ['Model serving'],
        summary: 'Inputs and outputs of the model',
        parameters,
        responses: {
          200: ok('The tensors.', 'InferenceModel', examples.inferenceModel),
          ...notHere,
          ...notReady,
        },
      },
    },
    [`${prefix}/ready`]: {
      get: {
        operationId: `isInferenceModelReady${suffix}`,
        tags: ['Model serving'],
        summary: 'Whether the model can be asked',
        parameters,
        responses: {
          200: ok('It can.', 'InferenceModelReady', { name: 'match-outcome', ready: true }),
          ...notHere,
          ...notReady,
        },
      },
    },
    [`${prefix}/infer`]: {
      post: {
        operationId: `infer${suffix}`,
        tags: ['Model serving'],
        summary: 'Inference (Open Inference Protocol v2)',
        description:
          'Inputs `home`, `away` and, if you like, `league`: BYTES, shape `[n]`. Outputs `probs` (home, draw, away), `xg`, `markets` (over 1.5, 2.5, 3.5, both score) and, when asked for, `scoreline`: FP32. The binary tensor extension works both ways, with the header `Inference-Header-Content-Length`. One row that cannot be predicted refuses the request.',
        parameters,
        requestBody: { required: true, content: json('InferenceRequest', examples.inference) },
        responses: {
          200: ok('The outputs.', 'InferenceResponse', examples.inferred),
          ...inferenceError(
            400,
            'What is asked cannot be predicted.',
            'row 0: unknown team "Arsenl"; nearest: Arsenal',
          ),
          ...notHere,
          ...inferenceError(
            413,
            'The body is longer than 1 MiB.',
            'the body must not be longer than 1048576 bytes',
          ),
          ...notReady,
        },
      },
    },
  };
}

const invocationError = (
  status: number,
  description: string,
  code: string,
  message: string,
): Record<string, Response> => ({
  [status]: {
    description,
    headers: answerHeaders,
    content: json('InvocationError', { error_code: code, message }),
  },
});
const named = pathParameter('name', 'The registered name of the model.', 'match-outcome');

/** The routes that model-serving clients speak. */
export const serving: OpenApi['paths'] = {
  '/v2': {
    get: {
      operationId: 'getInferenceServer',
      tags: ['Model serving'],
      summary: 'The server (Open Inference Protocol v2)',
      responses: {
        200: ok('Name and extensions.', 'InferenceServer', {
          name: 'kickoff',
          version: '2',
          extensions: ['binary_tensor_data'],
        }),
        ...notReady,
      },
    },
  },
  '/v2/health/live': {
    get: {
      operationId: 'isInferenceServerLive',
      tags: ['Model serving'],
      summary: 'Whether the server is alive',
      responses: { 200: ok('It is.', 'InferenceLive', { live: true }) },
    },
  },
  '/v2/health/ready': {
    get: {
      operationId: 'isInferenceServerReady',
      tags: ['Model serving'],
      summary: 'Whether the server can be asked',
      responses: { 200: ok('It can.', 'InferenceReady', { ready: true }), ...notReady },
    },
  },
  ...inferenceModel('/v2/models/{name}', '', [named]),
  ...inferenceModel('/v2/models/{name}/versions/{version}', 'Version', [
    named,
    pathParameter('version', 'The version that answers now.', '1'),
  ]),
  '/invocations': {
    post: {
      operationId: 'invoke',
      tags: ['Model serving'],
      summary: 'Scoring as MLflow’s server does it',
      description:
        '`dataframe_split`, `dataframe_records` or `inputs`, with the columns `home`, `away` and, if you like, `league`.',
      requestBody: { required: true, content: json('Invocation', examples.invocation) },
      responses: {
        200: ok('One record for each row; columns for `inputs`.', 'Invocations', examples.invoked),
        ...invocationError(
          400,
          'What is asked cannot be predicted.',
          'BAD_REQUEST',
          'row 0: unknown team "Arsenl"; nearest: Arsenal',
        ),
        ...invocationError(
          413,
          'The body is longer than 1 MiB.',
          'INVALID_PARAMETER_VALUE',
          'the body must not be longer than 1048576 bytes',
        ),
        ...invocationError(
          415,
          'Another content type.',
          'INVALID_PARAMETER_VALUE',
          'content type must be application/json',
        ),
        ...invocationError(
          503,
          'Starting, overloaded, or the store is away.',
          'TEMPORARILY_UNAVAILABLE',
          'starting: the teams of the model are being loaded',
        ),
      },
    },
  },
  '/ping': {
    get: {
      operationId: 'ping',
      tags: ['Model serving'],
      summary: 'Whether the model can be asked, as MLflow’s server says it',
      responses: { 200: { description: 'It can: an empty line.', headers: answerHeaders }, ...starting },
    },
  },
};
