"""Where the parts of the original stack listen (set by test/bench/systems.ts)."""
import os

BROKER = os.environ["BASE_BROKER"]
REDIS = os.environ["BASE_REDIS"]
MODEL = os.environ["BASE_ONNX"]
