// A module of its own, which is imported when a model is on its way: it loads native code and sets it up, which takes 20 ms and needs no model.
import { initOrt } from 'onnxruntime-node/dist/binding.js';

// Its builds for Linux send Microsoft what they load and run, with an id that they keep on the disk; this is read once, at the set-up.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
initOrt();

export { InferenceSession, Tensor } from 'onnxruntime-node';
