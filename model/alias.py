"""Which version answers: moving the alias forward, back again, and letting another one predict beside it."""

from collections.abc import Callable
from typing import Protocol

from .faults import Fault

# The functions look for these names (functions/shared/model/model-uri.ts, registry.ts).
CHALLENGER, CANARY_TAG = "Challenger", "kickoff.canary"


class Registry(Protocol):
    """What moving an alias needs of a registry."""

    def holder(self, name: str, alias: str) -> str | None: ...
    def move(self, name: str, alias: str, version: str) -> None: ...
    def tag(self, name: str, key: str) -> str: ...
    def set_tag(self, name: str, key: str, value: str) -> None: ...
    def remove(self, name: str, alias: str) -> None: ...
    def tag_version(self, name: str, version: str, key: str, value: str) -> None: ...


def move(registry: Registry, name: str, alias: str, version: str) -> None:
    """Makes the alias mean a version and remembers the one it meant before."""
    before = registry.holder(name, alias)
    if before == version:
        return
    if before:
        past = [*_past(registry, name, alias), before]
        registry.set_tag(name, _key(alias), ",".join(past))
    registry.move(name, alias, version)


def rollback(registry: Registry, name: str, alias: str, check: Callable[[str], object]) -> tuple[str, str]:
    """Moves the alias back to the version it meant before; returns that version and the one it left.

    `check` raises a Fault for a version that must not answer: nothing is moved then.
    """
    now = registry.holder(name, alias)
    past = _past(registry, name, alias)
    # The alias may have been moved by other means: the newest entry that is a change counts.
    while past and past[-1] == now:
        past.pop()
    if now is None or not past:
        raise Fault(f"{name}@{alias} has not been moved from another version: nothing to go back to")
    back = past.pop()
    check(back)
    registry.move(name, alias, back)
    registry.set_tag(name, _key(alias), ",".join(past))
    return back, now


def challenge(registry: Registry, name: str, version: str, canary: float) -> None:
    """Lets a version predict beside the one that answers, and answer this percentage of the matches itself."""
    registry.tag_version(name, version, CANARY_TAG, f"{canary:g}")
    registry.move(name, CHALLENGER, version)


def withdraw(registry: Registry, name: str) -> str:
    """Ends the challenge; returns the version that was the challenger."""
    challenger = registry.holder(name, CHALLENGER)
    if challenger is None:
        raise Fault(f"{name} has no challenger")
    registry.remove(name, CHALLENGER)
    return challenger


def _key(alias: str) -> str:
    return f"kickoff.before.{alias}"


def _past(registry: Registry, name: str, alias: str) -> list[str]:
    return [version for version in registry.tag(name, _key(alias)).split(",") if version]
