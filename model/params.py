"""The parameters of the model, read from params.yaml."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from .faults import Fault

PARAMS = Path(__file__).with_name("params.yaml")


@dataclass(frozen=True)
class Ratings:
    """What each number means stands beside it in params.yaml."""

    rate: float
    home_rate: float
    keep: float
    long_run: float
    long_run_rate: float
    tier_gap: float
    move: float
    promoted: float
    relegated: float
    newcomer: float
    level: float
    first_home: float


@dataclass(frozen=True)
class Scoreline:
    rho: float


@dataclass(frozen=True)
class Tune:
    first_season: str
    tuned_through: str
    second_tier_weight: float


@dataclass(frozen=True)
class Evaluate:
    season: str
    seasons: list[str]


@dataclass(frozen=True)
class RegisterModel:
    name: str
    alias: str


@dataclass(frozen=True)
class Params:
    ratings: Ratings
    scoreline: Scoreline
    tune: Tune
    evaluate: Evaluate
    register_model: RegisterModel


def read_params(path: Path = PARAMS) -> Params:
    """The parameters of a file; raises Fault that names every one that is missing, unknown or no number."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    faults: list[str] = []
    given = _section(Params, raw, "", faults)
    sections = {name: _section(kind, given.get(name, {}), name, faults) for name, kind in Params.__annotations__.items()}
    if faults:
        raise Fault(*(f"{path}: {fault}" for fault in faults))
    return Params(**{name: kind(**sections[name]) for name, kind in Params.__annotations__.items()})


def _section(kind: type, values: object, section: str, faults: list[str]) -> dict:
    """The values of the fields of `kind`; what is missing, unknown or of another kind is added to `faults`."""
    fields, given = kind.__annotations__, values if isinstance(values, dict) else {}
    path = f"{section}." if section else ""
    faults += [f"{path}{name} is unknown" for name in given if name not in fields]
    for name, wanted in fields.items():
        fits, what = _KINDS.get(wanted, (_is_section, "a section"))
        if name not in given:
            faults.append(f"{path}{name} is missing")
        elif not fits(given[name]):
            faults.append(f"{path}{name} {given[name]!r} is not {what}")
    return given


def _is_section(value: object) -> bool:
    return isinstance(value, dict)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


_KINDS = {
    float: (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    str: (_is_text, "a text"),
    list[str]: (lambda value: isinstance(value, list) and value != [] and all(map(_is_text, value)), "a list of texts"),
}
