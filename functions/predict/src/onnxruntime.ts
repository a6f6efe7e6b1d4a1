// A module of its own, imported while a model is on its way: loading and setting up native code takes 20 ms and needs no model.
import { initOrt } from 'onnxruntime-node/dist/binding.js';

// Its Linux builds send Microsoft what they load and run, with an id that they keep on disk. This is read once, at the set-up.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
initOrt();

export { InferenceSession, Tensor } from 'onnxruntime-node';
