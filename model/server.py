"""A real MLflow server (MLFLOW_TRACKING_URI) as registry; needs requirements-mlflow.txt."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import onnx

from . import evaluate, loadable
from .artifact import DIGEST_TAG, RATINGS_TAG, REQUIREMENTS, SUMS, check, digest, papers, read, signature, sums, write
from .faults import Fault
from .params import Params
from .train import Trained

# MLflow reads these when it is imported. Without them a server that is down is retried for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", str(sys.stderr.isatty()))

try:
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema
except ImportError:
    raise Fault(
        "MLFLOW_TRACKING_URI is set but mlflow is not installed: pip install -r model/requirements-mlflow.txt"
    ) from None

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class Server:
    """The registry behind a tracking URI; every failure of it is a Fault."""

    def __init__(self, uri: str):
        self.uri = uri
        with self._faults():
            mlflow.set_tracking_uri(uri)
            self.client = mlflow.MlflowClient()

    def log(self, name: str, evaluation: evaluate.Evaluation, result: evaluate.Report, params: Params) -> str:
        """Logs an evaluation as a run: parameters, metrics, and its files as artifacts; returns the run's id."""
        with self._faults():
            mlflow.set_experiment(name)
            with mlflow.start_run(run_name=f"{name} evaluation") as run:
                mlflow.log_params({**asdict(params.ratings), **asdict(params.scoreline)})
                _log(evaluation, result)
            return run.info.run_id

    def register(self, trained: Trained) -> str:
        """Logs a model and makes the next version of it, READY and readable back, or none; returns the version."""
        with self._faults():
            mlflow.set_experiment(trained.name)
            with mlflow.start_run(run_name=f"{trained.name} {trained.ratings_as_of}") as run:
                mlflow.log_params({**trained.card["parameters"]["ratings"], **trained.card["parameters"]["scoreline"]})
                if trained.evaluated:
                    _log(*trained.evaluated)
                logged = mlflow.onnx.log_model(
                    onnx.load_model_from_string(trained.onnx),
                    name=trained.name,
                    signature=ModelSignature(*(Schema.from_json(side) for side in signature(trained.onnx))),
                    pip_requirements=REQUIREMENTS.split(),
                    save_as_external_data=False,
                )
            files = self._add_papers(logged.model_id, trained)
            try:
                self.client.create_registered_model(trained.name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            made = self.client.create_model_version(
                trained.name,
                f"models:/{logged.model_id}",
                run_id=run.info.run_id,
                tags={DIGEST_TAG: digest(files), RATINGS_TAG: trained.ratings_as_of},
                model_id=logged.model_id,
            )
            version = str(made.version)
            try:
                if made.status != "READY":
                    raise Fault(f"{trained.name} version {version} is {made.status}: {made.status_message}")
                loadable.check(self.load(trained.name, version), f"{trained.name} version {version}")
            except Fault:
                self.client.delete_model_version(trained.name, version)
                raise
            return version

    def _add_papers(self, model_id: str, trained: Trained) -> dict[str, bytes]:
        """Puts teams, card and checksums beside the model that MLflow wrote; returns all files of the artifact."""
        with tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(f"models:/{model_id}", dst_path=folder)
            files = read(Path(folder)) | papers(trained)
        files[SUMS] = sums(files)
        with tempfile.TemporaryDirectory() as folder:
            write({path: files[path] for path in (*papers(trained), SUMS)}, Path(folder))
            self.client.log_model_artifacts(model_id, folder)
        return files

    def load(self, name: str, version: str) -> dict[str, bytes]:
        """All files of a version, checked against its checksums and digest."""
        with self._faults(), tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=folder)
            tags = self.client.get_model_version(name, version).tags
            return check(read(Path(folder)), tags, f"{name} version {version}")

    def versions(self, name: str) -> list[str]:
        """The READY versions, oldest first."""
        with self._faults():
            found = self.client.search_model_versions(f"name = '{name}'")
        return sorted((str(one.version) for one in found if one.status == "READY"), key=int)

    def holder(self, name: str, alias: str) -> str | None:
        """The version an alias means now."""
        with self._faults():
            try:
                return str(self.client.get_model_version_by_alias(name, alias).version)
            except MlflowException as error:
                if error.error_code in ABSENT:
                    return None
                raise

    def move(self, name: str, alias: str, version: str) -> None:
        """Makes an alias mean a version."""
        with self._faults():
            self.client.set_registered_model_alias(name, alias, version)

    def remove(self, name: str, alias: str) -> None:
        """Takes an alias away."""
        with self._faults():
            self.client.delete_registered_model_alias(name, alias)

    def tag(self, name: str, key: str) -> str:
        """A tag of the registered model, empty if it has none."""
        with self._faults():
            return self.client.get_registered_model(name).tags.get(key, "")

    def set_tag(self, name: str, key: str, value: str) -> None:
        """Sets a tag of the registered model."""
        with self._faults():
            self.client.set_registered_model_tag(name, key, value)

    def tag_version(self, name: str, version: str, key: str, value: str) -> None:
        """Sets a tag of a version."""
        with self._faults():
            self.client.set_model_version_tag(name, version, key, value)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except MlflowException as error:
            raise Fault(f"MLflow at {self.uri}: {error}") from error


def _log(evaluation: evaluate.Evaluation, result: evaluate.Report) -> None:
    mlflow.log_metrics(_flat(evaluate.figures(result)))
    with tempfile.TemporaryDirectory() as folder:
        evaluate.write(evaluation, result, Path(folder))
        mlflow.log_artifacts(folder, "evaluation")


def _flat(metrics: dict, prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for key, value in metrics.items():
        name = prefix + key.replace(" + ", "_").replace(" ", "_")
        flat |= _flat(value, name + ".") if isinstance(value, dict) else {name: value}
    return flat
