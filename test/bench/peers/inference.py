"""This project's model in Python: one onnxruntime session, one thread, string inputs."""
import numpy as np
import onnxruntime


def load(path):
    """A function from (home, away) to three probabilities."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def predict(home, away):
        feeds = {"home": np.array([home], object), "away": np.array([away], object), "league": np.array([""], object)}
        return session.run(["probs"], feeds)[0][0].tolist()

    return predict
