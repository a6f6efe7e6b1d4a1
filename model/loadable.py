"""Whether the functions can load a version: the same conditions as functions/predict/src/load.ts, before an alias moves."""

import json
from datetime import date

import numpy as np
import onnxruntime

from .faults import Fault

FILES = ("model.onnx", "teams.json", "card.json")
INPUTS = ("home", "away", "league")
LEAGUE = ("id", "name", "country", "tier")
TEAM = ("name", "country", "league", "aliases")
OUTPUTS = ("probs", "xg", "markets", "scoreline", "known")
# The functions download no more of a file.
MOST_BYTES = 256 * 2**20


def check(files: dict[str, bytes], what: str) -> None:
    """Loads the files of a version and predicts a match of its own teams; raises Fault with why that does not work."""
    for name in FILES:
        if name not in files:
            raise Fault(f"{what} has no file {name}")
        if len(files[name]) > MOST_BYTES:
            raise Fault(f"{what}: {name} is larger than {MOST_BYTES} bytes")
    try:
        json.loads(files["card.json"])
        home, away = _teams(json.loads(files["teams.json"]))[:2]
    except (KeyError, TypeError, ValueError) as error:
        raise Fault(f"{what}: teams.json and card.json are not what the functions read: {error!r}") from None
    try:
        session = onnxruntime.InferenceSession(files["model.onnx"])
        for kind, wanted, found in (
            ("input", INPUTS, session.get_inputs()),
            ("output", OUTPUTS, session.get_outputs()),
        ):
            for name in set(wanted) - {one.name for one in found}:
                raise Fault(f"{what}: model.onnx has no {kind} {name}")
        names = zip(INPUTS, (home, away, ""), strict=True)
        probs, known = session.run(["probs", "known"], {name: np.array([text], dtype=object) for name, text in names})
    except Fault:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime raises types of its own for every kind of broken graph
        raise Fault(f"{what}: model.onnx does not run: {error}") from None
    if not known.all():
        raise Fault(f"{what}: model.onnx does not know {home} and {away} of its own teams.json")
    if not ((probs >= 0) & (probs <= 1)).all():
        raise Fault(f"{what}: model.onnx gives figures for {home} and {away} that are no probabilities")


def _teams(file: dict) -> list[str]:
    """The names of the teams; raises KeyError, TypeError or ValueError for another file."""
    date.fromisoformat(file["ratings_as_of"])
    for part, keys in (("leagues", LEAGUE), ("teams", TEAM)):
        for one in file[part]:
            if missing := [key for key in keys if key not in one]:
                raise KeyError(f"{part}: {', '.join(missing)}")
    if len(file["teams"]) < 2:
        raise ValueError("fewer than two teams")
    return [team["name"] for team in file["teams"]]
