// A module of its own, which is imported when a model is on its way: it loads native code.
export { InferenceSession, Tensor } from 'onnxruntime-node';
