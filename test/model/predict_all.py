"""Runs a model on fixtures (JSON on stdin: lists home, away, league) and writes each output as raw little-endian bytes.

Usage: python predict_all.py model.onnx folder
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

model, folder = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options)
inputs = {name: np.array(values, dtype=object) for name, values in json.load(sys.stdin).items()}
for output, values in zip(session.get_outputs(), session.run(None, inputs), strict=True):
    values.tofile(Path(folder) / output.name)
