"""A registered version as a folder: what MLflow's ONNX flavour writes, plus teams, card and checksums."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import onnx
import onnxruntime
import yaml

from .faults import Fault
from .train import Trained

SUMS = "SHA256SUMS"
# What MLflow's client adds to a downloaded folder; the server does not have it.
CLIENT_ONLY = "registered_model_meta"
DIGEST_TAG, RATINGS_TAG = "kickoff.digest", "kickoff.ratings_as_of"
REQUIREMENTS = f"onnx=={onnx.__version__}\nonnxruntime=={onnxruntime.__version__}\n"
_DTYPES = {
    # What numpy and MLflow call an array of strings of any length.
    onnx.TensorProto.STRING: "object",
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.BOOL: "bool",
}


def milliseconds(as_of: str) -> int:
    """Midnight UTC of a day, in milliseconds since 1970: the stamp of everything that must not depend on the clock."""
    return int(datetime.fromisoformat(as_of).replace(tzinfo=UTC).timestamp() * 1000)


def papers(trained: Trained) -> dict[str, bytes]:
    """The files beside the ONNX flavour's own: teams.json and card.json."""
    return {"teams.json": _json(trained.teams), "card.json": _json(trained.card)}


def sums(files: dict[str, bytes]) -> bytes:
    """SHA256SUMS in the format of coreutils, sorted by path."""
    lines = [f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)]
    return "".join(lines).encode()


def digest(files: dict[str, bytes]) -> str:
    """The digest of a version: the SHA-256 of its SHA256SUMS."""
    return f"sha256:{hashlib.sha256(files[SUMS]).hexdigest()}"


def read(folder: Path) -> dict[str, bytes]:
    """The files of a version from a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != CLIENT_ONLY
    }


def check(files: dict[str, bytes], tags: dict[str, str], what: str) -> dict[str, bytes]:
    """The same files, if they are what the tags of the version say; raises Fault otherwise."""
    for tag in (DIGEST_TAG, RATINGS_TAG):
        if tag not in tags:
            raise Fault(f"{what} has no tag {tag}; register it by: python -m model register")
    rest = {path: content for path, content in files.items() if path != SUMS}
    if SUMS not in files or digest(files) != tags[DIGEST_TAG]:
        raise Fault(f"{what}: {SUMS} does not have the digest of tag {DIGEST_TAG}")
    if files[SUMS] != sums(rest):
        raise Fault(f"{what}: the files are not those of {SUMS}")
    return files


def run_id(trained: Trained) -> str:
    """32 hex digits like an MLflow run id, from the content."""
    return hashlib.sha256(trained.onnx + _json(trained.card)).hexdigest()[:32]


def artifact(trained: Trained) -> dict[str, bytes]:
    """All files of a version, by relative path."""
    files = {
        "MLmodel": _mlmodel(trained),
        "model.onnx": trained.onnx,
        "requirements.txt": REQUIREMENTS.encode(),
        **papers(trained),
    }
    return files | {SUMS: sums(files)}


def write(files: dict[str, bytes], folder: Path) -> None:
    """Writes the files of a version into a folder, SHA256SUMS last: a folder without it is not a version."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in sorted(files.items(), key=lambda item: item[0] == SUMS):
        (folder / path).write_bytes(content)


def signature(model: bytes) -> tuple[str, str]:
    """Inputs and outputs of a graph as MLflow writes them, in JSON."""
    graph = onnx.load_model_from_string(model).graph
    return json.dumps([_tensor(value) for value in graph.input]), json.dumps([_tensor(value) for value in graph.output])


def _mlmodel(trained: Trained) -> bytes:
    inputs, outputs = signature(trained.onnx)
    model = {
        "flavors": {
            "onnx": {
                "code": None,
                "data": "model.onnx",
                "onnx_version": onnx.__version__,
                "onnx_session_options": None,
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {"data": "model.onnx", "loader_module": "mlflow.onnx", "python_version": "3.11"},
        },
        "run_id": run_id(trained),
        "signature": {"inputs": inputs, "outputs": outputs, "params": None},
        "utc_time_created": f"{trained.ratings_as_of} 00:00:00",
    }
    return yaml.safe_dump(model, sort_keys=True).encode()


def _tensor(value: onnx.ValueInfoProto) -> dict:
    kind = value.type.tensor_type
    shape = [size.dim_value or -1 for size in kind.shape.dim]
    return {"name": value.name, "type": "tensor", "tensor-spec": {"dtype": _DTYPES[kind.elem_type], "shape": shape}}


def _json(value: dict) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
