"""The registry in this repository: versions as folders and one JSON file that says which alias means which."""

import json
import os
import shutil
from pathlib import Path

from . import loadable
from .artifact import DIGEST_TAG, RATINGS_TAG, artifact, check, digest, milliseconds, read, run_id, write
from .faults import Fault
from .train import Trained

REGISTRY = Path(__file__).with_name("registry")
INDEX = "registered-models.json"


class Folder:
    """A registry in a folder. Its index is replaced in one step, so a crash leaves the state before."""

    def __init__(self, folder: Path = REGISTRY):
        self.folder = folder

    def register(self, trained: Trained) -> str:
        """Adds the next version; returns it."""
        index = self.index()
        model = index.setdefault(trained.name, {"aliases": {}, "versions": []})
        version = str(1 + max((int(one["version"]) for one in model["versions"]), default=0))
        files, place = artifact(trained), self.folder / trained.name / version
        loadable.check(files, f"{trained.name} version {version}")
        # A folder of this number that no index names is what a crash left behind.
        shutil.rmtree(place, ignore_errors=True)
        write(files, place)
        stamp = milliseconds(trained.ratings_as_of)
        model["versions"].append(
            {
                "version": version,
                "creation_timestamp": stamp,
                "last_updated_timestamp": stamp,
                "run_id": run_id(trained),
                "source": f"mlflow-artifacts:/{trained.name}/{version}",
                "status": "READY",
                "tags": {DIGEST_TAG: digest(files), RATINGS_TAG: trained.ratings_as_of},
            }
        )
        self._write(index)
        return version

    def load(self, name: str, version: str) -> dict[str, bytes]:
        """All files of a version, checked against its checksums and digest."""
        found = [one for one in self._model(name)["versions"] if one["version"] == version]
        if not found:
            raise Fault(f"{self.folder}: {name} has no version {version}")
        return check(read(self.folder / name / version), found[0]["tags"], f"{name} version {version}")

    def versions(self, name: str) -> list[str]:
        """The READY versions, oldest first."""
        return sorted((one["version"] for one in self._model(name)["versions"] if one["status"] == "READY"), key=int)

    def holder(self, name: str, alias: str) -> str | None:
        """The version an alias means now."""
        return self._model(name)["aliases"].get(alias)

    def move(self, name: str, alias: str, version: str) -> None:
        """Makes an alias mean a version."""
        index = self.index()
        index[name]["aliases"][alias] = version
        self._write(index)

    def remove(self, name: str, alias: str) -> None:
        """Takes an alias away."""
        index = self.index()
        del index[name]["aliases"][alias]
        self._write(index)

    def tag(self, name: str, key: str) -> str:
        """A tag of the registered model, empty if it has none."""
        return self._model(name).get("tags", {}).get(key, "")

    def set_tag(self, name: str, key: str, value: str) -> None:
        """Sets a tag of the registered model."""
        index = self.index()
        index[name].setdefault("tags", {})[key] = value
        self._write(index)

    def tag_version(self, name: str, version: str, key: str, value: str) -> None:
        """Sets a tag of a version."""
        index = self.index()
        found = next(one for one in index[name]["versions"] if one["version"] == version)
        found["tags"][key] = value
        self._write(index)

    def index(self) -> dict:
        """registered-models.json, or nothing if there is none yet."""
        path = self.folder / INDEX
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _model(self, name: str) -> dict:
        return self.index().get(name, {"aliases": {}, "versions": []})

    def _write(self, index: dict) -> None:
        draft = self.folder / f"{INDEX}.draft"
        draft.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, self.folder / INDEX)
