import { createRequire } from 'node:module';

// A module of its own, imported while a model is on its way: it loads native code, which needs no model.

// Its Linux builds send Microsoft what they load and run, with an id that they keep on disk. This is read once, at the first session.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

// By require, which comes after the line above: an import would be first. It stays out of the bundle; the image installs the package.
export const { InferenceSession, Tensor } = createRequire(import.meta.url)(
  'onnxruntime-node',
) as typeof import('onnxruntime-node');
