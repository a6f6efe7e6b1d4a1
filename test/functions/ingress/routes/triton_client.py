"""Asks by Triton's own HTTP client with its defaults (binary tensors both ways) and prints what came as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

host, model = sys.argv[1:3]
client = triton.InferenceServerClient(url=host)
metadata = client.get_model_metadata(model)


def tensors(binary, **columns):
    made = []
    for name, values in columns.items():
        tensor = triton.InferInput(name, [len(values)], "BYTES")
        tensor.set_data_from_numpy(np.array(values, dtype=object), binary_data=binary)
        made.append(tensor)
    return made


def outputs(answer, *names):
    return {name: answer.as_numpy(name).tolist() for name in names}


home, away = ["Arsenal", "1. FC Köln"], ["Chelsea", "Borussia Dortmund"]
default = client.infer(model, tensors(True, home=home, away=away, league=["ENG1", ""]), request_id="one")
plain = client.infer(
    model,
    tensors(False, home=home, away=away),
    model_version=metadata["versions"][0],
    outputs=[triton.InferRequestedOutput(name, binary_data=False) for name in ("xg", "probs")],
)
grid = client.infer(model, tensors(True, home=home, away=away), outputs=[triton.InferRequestedOutput("scoreline")])

refusals = []
for ask in (
    lambda: client.infer(model, tensors(True, home=["Arsenl"], away=["Chelsea"])),
    lambda: client.infer("other-model", tensors(True, home=home, away=away)),
    lambda: client.infer(model, tensors(True, home=home)),
    lambda: client.infer(model, tensors(True, home=home, away=away[:1])),
    lambda: client.infer(model, tensors(True, home=home, away=away), outputs=[triton.InferRequestedOutput("nothing")]),
):
    try:
        ask()
        refusals.append(None)
    except InferenceServerException as error:
        refusals.append(error.message())

print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(model),
            "otherReady": client.is_model_ready("other-model"),
            "server": client.get_server_metadata(),
            "metadata": metadata,
            "id": default.get_response()["id"],
            "default": outputs(default, "probs", "xg", "markets"),
            "plain": outputs(plain, "probs", "xg"),
            "grid": np.array(grid.as_numpy("scoreline")).sum(axis=(1, 2)).tolist(),
            "gridShape": list(grid.as_numpy("scoreline").shape),
            "refusals": refusals,
        }
    )
)
