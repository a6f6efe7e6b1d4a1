"""The model's life, one command each; run from the root of the project."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from . import alias, artifact, evaluate
from .faults import Fault
from .fetch import fetch
from .matches import Match, read_matches
from .params import PARAMS, Params, read_params
from .promote import compare
from .registry import REGISTRY, Folder
from .train import day, train
from .tune import tune

ROOT = Path(__file__).parent.parent
SOURCE = "https://github.com/openfootball"
DATA = ROOT.parent / "shared" / "data" / "matches.csv"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options, read_params(options.params))
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _fetch(options: argparse.Namespace, _params: Params) -> None:
    print(fetch(options.source, options.seasons, options.data, options.out))


def _train(options: argparse.Namespace, params: Params) -> None:
    trained = train(options.data, params, options.as_of)
    artifact.write(artifact.artifact(trained), options.out)
    print(f"{trained.name}, ratings as of {trained.ratings_as_of}: {len(trained.onnx)} bytes of ONNX in {options.out}")


def _evaluate(options: argparse.Namespace, params: Params) -> None:
    evaluation = evaluate.evaluate(_matches(options), params)
    result = evaluate.report(evaluation, params)
    evaluate.write(evaluation, result, options.out)
    print(evaluate.table(result))


def _tune(options: argparse.Namespace, params: Params) -> None:
    print(tune(_matches(options), params))


def _register(options: argparse.Namespace, params: Params) -> None:
    name, registry = params.register_model.name, _registry(options)
    trained = train(options.data, params, options.as_of)
    version = registry.register(trained)
    print(f"{name} version {version}, ratings as of {trained.ratings_as_of}")
    if not options.no_alias:
        alias.move(registry, name, params.register_model.alias, version)
        print(f"{params.register_model.alias} is version {version}")


def _promote(options: argparse.Namespace, params: Params) -> None:
    name, moving, registry = params.register_model.name, params.register_model.alias, _registry(options)
    versions = registry.versions(name)
    version = options.version or (versions[-1] if versions else None)
    if version is None or version not in versions:
        raise Fault(
            f"{name} has no READY version {version or ''}; register one by: python -m model register --no-alias"
        )
    current = registry.holder(name, moving)
    if current == version:
        raise Fault(f"{moving} is version {version} already")
    candidate = registry.load(name, version)
    if current:
        comparison = compare(candidate, registry.load(name, current), _matches(options))
        print(f"version {version} against {current}, {comparison}")
        if comparison.worse and not options.force:
            raise Fault(
                f"refused: version {version} is worse than {current} by more than the noise; --force moves it anyway"
            )
    alias.move(registry, name, moving, version)
    print(f"{moving} is version {version}" + (f", was {current}" if current else ""))


def _rollback(options: argparse.Namespace, params: Params) -> None:
    back, left = alias.rollback(_registry(options), params.register_model.name, params.register_model.alias)
    print(f"{params.register_model.alias} is version {back} again, was {left}")


def _matches(options: argparse.Namespace) -> list[Match]:
    return read_matches(options.data, day(options.as_of) if options.as_of else None)


def _registry(options: argparse.Namespace):
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return Folder(options.registry)
    from .server import Server

    return Server(uri)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--params", type=Path, default=PARAMS, help="parameters (default: model/params.yaml)")
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument("--data", type=Path, default=DATA, help="results as CSV (default: ../shared/data/matches.csv)")
    data = argparse.ArgumentParser(add_help=False, parents=[results])
    data.add_argument(
        "--as-of", help="day of the ratings, YYYY-MM-DD; results after it are refused (default: the last)"
    )
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--registry", type=Path, default=REGISTRY, help="registry where MLFLOW_TRACKING_URI is not set")

    def command(name: str, run: Callable, what: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what, parents=[common, *parents])
        made.set_defaults(command=run)
        return made

    one = command("fetch", _fetch, "bring results of openfootball into a CSV", results)
    one.add_argument("seasons", nargs="+", metavar="season", help="for one 2025-26; replaced as a whole")
    one.add_argument("--source", default=SOURCE, help=f"folder of checkouts, or where to clone them from ({SOURCE})")
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out" / "matches.csv", help="the CSV to write")
    one = command("train", _train, "build model, teams and card into a folder", data)
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out", help="folder (default: model/out)")
    one = command("evaluate", _evaluate, "walk forward through the seasons, print and write the scores", data)
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out" / "evaluation", help="folder for the figures")
    command("tune", _tune, "search the ratings' parameters on the seasons of `tune` in the parameters", data)
    one = command("register", _register, "train, add the version to the registry, move the alias to it", data, store)
    one.add_argument("--no-alias", action="store_true", help="leave the alias where it is")
    one = command(
        "promote", _promote, "move the alias to a version unless that is worse on the last season", data, store
    )
    one.add_argument("--version", help="which (default: the newest)")
    one.add_argument("--force", action="store_true", help="even if it is worse")
    command("rollback", _rollback, "move the alias back to the version it meant before", store)
    return parser


if __name__ == "__main__":
    sys.exit(main())
