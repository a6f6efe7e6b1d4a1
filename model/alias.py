"""Which version answers: moving the alias forward, and back again."""

from typing import Protocol

from .faults import Fault


class Registry(Protocol):
    """What moving an alias needs of a registry."""

    def holder(self, name: str, alias: str) -> str | None: ...
    def move(self, name: str, alias: str, version: str) -> None: ...
    def tag(self, name: str, key: str) -> str: ...
    def set_tag(self, name: str, key: str, value: str) -> None: ...


def move(registry: Registry, name: str, alias: str, version: str) -> None:
    """Makes the alias mean a version and remembers the one it meant before."""
    before = registry.holder(name, alias)
    if before == version:
        return
    if before:
        past = [*_past(registry, name, alias), before]
        registry.set_tag(name, _key(alias), ",".join(past))
    registry.move(name, alias, version)


def rollback(registry: Registry, name: str, alias: str) -> tuple[str, str]:
    """Moves the alias back to the version it meant before; returns that version and the one it left."""
    now = registry.holder(name, alias)
    past = _past(registry, name, alias)
    # The alias may have been moved by other means: the newest entry that is a change counts.
    while past and past[-1] == now:
        past.pop()
    if now is None or not past:
        raise Fault(f"{name}@{alias} has not been moved from another version: nothing to go back to")
    back = past.pop()
    registry.move(name, alias, back)
    registry.set_tag(name, _key(alias), ",".join(past))
    return back, now


def _key(alias: str) -> str:
    return f"kickoff.before.{alias}"


def _past(registry: Registry, name: str, alias: str) -> list[str]:
    return [version for version in registry.tag(name, _key(alias)).split(",") if version]
