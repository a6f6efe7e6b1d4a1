"""The registry in this repository: versions as folders and one JSON file that says which alias means which."""

import json
import os
from pathlib import Path

from .artifact import artifact, digest, milliseconds, run_id, write
from .train import Trained

REGISTRY = Path(__file__).with_name("registry")
INDEX = "registered-models.json"


def register(trained: Trained, alias: str | None, registry: Path = REGISTRY) -> str:
    """Adds the next version and then moves the alias (None leaves it); returns the version.

    The index is replaced in one step after the files are in place, so a crash leaves the old state.
    """
    index = read_index(registry)
    model = index.setdefault(trained.name, {"aliases": {}, "versions": []})
    version = str(1 + max((int(one["version"]) for one in model["versions"]), default=0))
    files = artifact(trained)
    write(files, registry / trained.name / version)
    stamp = milliseconds(trained.ratings_as_of)
    model["versions"].append(
        {
            "version": version,
            "creation_timestamp": stamp,
            "last_updated_timestamp": stamp,
            "run_id": run_id(trained),
            "source": f"mlflow-artifacts:/{trained.name}/{version}",
            "status": "READY",
            "tags": {"kickoff.digest": digest(files), "kickoff.ratings_as_of": trained.ratings_as_of},
        }
    )
    if alias:
        model["aliases"][alias] = version
    write_index(index, registry)
    return version


def read_index(registry: Path = REGISTRY) -> dict:
    """registered-models.json, or nothing if there is none yet."""
    path = registry / INDEX
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_index(index: dict, registry: Path = REGISTRY) -> None:
    """Replaces registered-models.json in one step."""
    path = registry / INDEX
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, path)
