"""python -m model train|evaluate|register: run from the root of the project."""

import argparse
import os
import sys
from pathlib import Path

from . import artifact, evaluate, registry
from .faults import Fault
from .matches import read_matches
from .params import PARAMS, read_params
from .train import day, train

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data" / "matches.csv"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


def _train(options: argparse.Namespace) -> None:
    trained = train(options.data, read_params(options.params), options.as_of)
    artifact.write(artifact.artifact(trained), options.out)
    print(f"{trained.name} as of {trained.ratings_as_of}: {len(trained.onnx)} bytes of ONNX in {options.out}")


def _evaluate(options: argparse.Namespace) -> None:
    params = read_params(options.params)
    matches = read_matches(options.data, day(options.as_of) if options.as_of else None)
    evaluation = evaluate.evaluate(matches, params)
    result = evaluate.report(evaluation, params)
    evaluate.write(evaluation, result, options.out)
    print(evaluate.table(result))


def _register(options: argparse.Namespace) -> None:
    params = read_params(options.params)
    alias = None if options.no_alias else params.register_model.alias
    trained = train(options.data, params, options.as_of)
    if os.environ.get("MLFLOW_TRACKING_URI"):
        from .server import register

        version = register(trained, alias, read_params(options.params))
    else:
        version = registry.register(trained, alias, options.registry)
    moved = f", {alias} moved to it" if alias else ""
    print(f"{trained.name} version {version}, ratings as of {trained.ratings_as_of}{moved}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(required=True)

    def command(name: str, run, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what)
        made.set_defaults(command=run)
        made.add_argument("--data", type=Path, default=DATA, help="results as CSV (default: ../shared/data/matches.csv)")
        made.add_argument("--params", type=Path, default=PARAMS, help="parameters (default: model/params.yaml)")
        made.add_argument("--as-of", help="day of the ratings, YYYY-MM-DD (default: the last day in the data)")
        return made

    one = command("train", _train, "build model, teams and card into a folder")
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out")
    one = command("evaluate", _evaluate, "walk forward through the seasons and print the scores")
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out" / "evaluation")
    one = command("register", _register, "train and register a version in MLFLOW_TRACKING_URI, or else in model/registry")
    one.add_argument("--registry", type=Path, default=registry.REGISTRY, help="where, without MLFLOW_TRACKING_URI")
    one.add_argument("--no-alias", action="store_true", help="leave the alias where it is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
