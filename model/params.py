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
    """The parameters of a file; raises Fault that names the file and the section."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Fault(f"{path}: cannot be read: {error}") from None
    try:
        return Params(**{key: kind(**raw.pop(key)) for key, kind in Params.__annotations__.items()}, **raw)
    except (KeyError, TypeError, AttributeError) as error:
        raise Fault(f"{path}: a section or parameter is missing or unknown: {error}") from None
