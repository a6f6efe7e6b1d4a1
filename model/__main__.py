"""The model's life, one command each; run from the root of the project."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

try:
    from . import alias, artifact, evaluate, loadable
    from .faults import Fault
    from .fetch import fetch
    from .matches import Match, read_matches
    from .params import PARAMS, Params, read_params
    from .promote import compare
    from .registry import REGISTRY, Folder
    from .train import day, train
    from .tune import tune
except ImportError as error:
    sys.exit(f"{error}: use Python 3.11 or later with model/requirements.txt installed")

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
    except OSError as error:
        print(f"{error.filename}: {error.strerror}" if error.filename else error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
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
    if server := _server():
        print(f"logged as run {server.log(params.register_model.name, evaluation, result, params)} of {server.uri}")


def _tune(options: argparse.Namespace, params: Params) -> None:
    print(tune(_matches(options), params))


def _register(options: argparse.Namespace, params: Params) -> None:
    name, registry = params.register_model.name, _registry(options)
    trained = train(options.data, params, options.as_of)
    version = registry.register(trained)
    print(f"{name} version {version}, ratings as of {trained.ratings_as_of}")
    print("nothing is answered by it yet: python -m model promote, or challenge", file=sys.stderr)


def _promote(options: argparse.Namespace, params: Params) -> None:
    name, moving, registry = params.register_model.name, params.register_model.alias, _registry(options)
    version = _version(registry, name, options.version)
    current = registry.holder(name, moving)
    if current == version:
        print(f"{moving} is version {version} already")
        return
    candidate = _load(registry, name, version)
    if current and (answering := _answering(registry, name, current)):
        try:
            comparison = compare(candidate, answering, _matches(options))
            print(f"version {version} against {current}, {comparison}")
            if comparison.reasons:
                raise Fault(*(f"version {version} is refused: {reason}" for reason in comparison.reasons))
        except Fault as fault:
            if not options.force:
                raise Fault(str(fault), "nothing was moved; --force moves it anyway") from None
            print(fault, file=sys.stderr)
    alias.move(registry, name, moving, version)
    print(f"{moving} is version {version}" + (f", was {current}" if current else ""))
    if registry.holder(name, alias.CHALLENGER) == version:
        alias.withdraw(registry, name)
        print("and is the challenger no more")


def _challenge(options: argparse.Namespace, params: Params) -> None:
    name, registry = params.register_model.name, _registry(options)
    if options.end:
        print(f"version {alias.withdraw(registry, name)} is the challenger no more")
        return
    version = _version(registry, name, options.version)
    if registry.holder(name, params.register_model.alias) == version:
        raise Fault(f"version {version} is the one that answers; register another: python -m model register")
    _load(registry, name, version)
    alias.challenge(registry, name, version, options.canary)
    print(f"version {version} is the challenger and answers {options.canary:g} % of the matches itself")


def _rollback(options: argparse.Namespace, params: Params) -> None:
    name, moving, registry = params.register_model.name, params.register_model.alias, _registry(options)
    back, left = alias.rollback(registry, name, moving, lambda version: _load(registry, name, version))
    print(f"{moving} is version {back} again, was {left}")


def _load(registry: Folder, name: str, version: str) -> dict[str, bytes]:
    """The files of a version that the functions can load. No `--force` moves an alias to another one."""
    try:
        files = registry.load(name, version)
        loadable.check(files, f"{name} version {version}")
    except Fault as fault:
        raise Fault(str(fault), "the functions could not load it: nothing was moved") from None
    return files


def _answering(registry: Folder, name: str, version: str) -> dict[str, bytes] | None:
    """The files of the version that the alias means, or None if the functions cannot load it: then any other is better."""
    try:
        return _load(registry, name, version)
    except Fault as fault:
        first = str(fault).splitlines()[0]
        print(f"{first}: the functions cannot load it, so nothing is compared with it", file=sys.stderr)
        return None


def _matches(options: argparse.Namespace) -> list[Match]:
    return read_matches(options.data, day(options.as_of) if options.as_of else None)


def _version(registry: Folder, name: str, asked: str | None) -> str:
    versions = registry.versions(name)
    if not versions:
        raise Fault(f"{name} has no READY version; register one: python -m model register")
    if asked and asked not in versions:
        raise Fault(f"{name} has no READY version {asked}; there are {', '.join(versions)}")
    return asked or versions[-1]


def _registry(options: argparse.Namespace):
    return _server() or Folder(options.registry)


def _server():
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return None
    from .server import Server

    return Server(uri)


def _percent(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage, 0 to 100")
    return float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model",
        description=__doc__,
        epilog="With MLFLOW_TRACKING_URI set, the registry is that MLflow server (model/requirements-mlflow.txt). "
        "Exit code: 0 done, 1 refused or failed with the reason on stderr, 2 wrong usage.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--params", type=Path, default=PARAMS, help="parameters (default: model/params.yaml)")
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument("--data", type=Path, default=DATA, help="results as CSV (default: ../shared/data/matches.csv)")
    data = argparse.ArgumentParser(add_help=False, parents=[results])
    data.add_argument(
        "--as-of",
        metavar="DAY",
        help="day of the ratings, YYYY-MM-DD; results after it are refused (default: the last)",
    )
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--registry",
        type=Path,
        default=REGISTRY,
        help="folder (default: model/registry); not used with MLFLOW_TRACKING_URI",
    )
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--version", metavar="N", help="which (default: the newest)")

    def command(name: str, run: Callable, what: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what, parents=[common, *parents])
        made.set_defaults(command=run)
        return made

    one = command("fetch", _fetch, "bring results of openfootball into a CSV", results)
    one.add_argument("seasons", nargs="+", metavar="season", help="like 2025-26; replaced as a whole")
    one.add_argument("--source", default=SOURCE, help=f"folder of checkouts, or where to clone them from ({SOURCE})")
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out" / "matches.csv", help="the CSV to write")
    one = command("train", _train, "build model, teams and card into a folder", data)
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out", help="folder (default: model/out)")
    one = command("evaluate", _evaluate, "walk forward through the seasons, print and write the scores", data)
    one.add_argument("--out", type=Path, default=ROOT / "model" / "out" / "evaluation", help="folder for the figures")
    command("tune", _tune, "search the ratings' parameters on the seasons of `tune` in the parameters", data)
    command("register", _register, "train, and add the version to the registry; no alias is moved", data, store)
    one = command(
        "promote",
        _promote,
        "let a version answer: move the alias to it, unless it is worse on the last year of results, or cannot be loaded",
        *(data, store, which),
    )
    one.add_argument("--force", action="store_true", help="even if it is worse; never to one that cannot be loaded")
    one = command("challenge", _challenge, "let a version predict beside the one that answers", store, which)
    one.add_argument(
        "--canary",
        type=_percent,
        default=0.0,
        metavar="PERCENT",
        help="share of the matches that it answers itself (default: 0)",
    )
    one.add_argument("--end", action="store_true", help="no challenger any more")
    command("rollback", _rollback, "move the alias back to the version it meant before", store)
    return parser


if __name__ == "__main__":
    sys.exit(main())
