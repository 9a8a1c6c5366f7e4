"""Routing: what decides where alerts go, as it stands at one moment: rules, mutes, dependencies, a storm."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from services.intake.domain.dependency import ComponentGraph
from services.intake.domain.grouping_rule import RuleSet
from services.intake.domain.muting import MuteSet
from services.intake.domain.storm import Storm

GROUPING, MUTES, STORM, DEPENDENCY = "grouping", "mutes", "storm", "dependency"


@dataclass(frozen=True, slots=True)
class Routing:
    """A consistent view of all that places alerts; never changed."""

    rules: RuleSet
    mutes: MuteSet
    graph: ComponentGraph
    storm: Storm | None
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Loaders:
    """How each part of a routing is read; called within the transaction that found its version changed."""

    rules: Callable[[int], Awaitable[RuleSet]]
    mutes: Callable[[int], Awaitable[MuteSet]]
    graph: Callable[[int], Awaitable[ComponentGraph]]
    storm: Callable[[int], Awaitable[Storm | None]]


class Routes:
    """Keeps the routing in memory. Every transaction reads the versions, so no replica ever places an alert by what was replaced."""

    def __init__(self, loaders: Loaders) -> None:
        self._loaders = loaders
        self._held: Routing | None = None

    async def at(self, versions: Mapping[str, int]) -> Routing:
        """Returns the routing of these versions; costs a comparison while nothing changed."""
        held = self._held
        if held is not None and held.versions == versions:
            return held
        load = self._loaders
        before = held.versions if held is not None else {}
        if held is None:
            held = Routing(
                await load.rules(versions.get(GROUPING, 0)),
                await load.mutes(versions.get(MUTES, 0)),
                await load.graph(versions.get(DEPENDENCY, 0)),
                await load.storm(versions.get(STORM, 0)),
                dict(versions),
            )
        else:
            changed = {kind for kind in {*before, *versions} if before.get(kind) != versions.get(kind)}
            held = replace(
                held,
                rules=await load.rules(versions[GROUPING]) if GROUPING in changed else held.rules,
                mutes=await load.mutes(versions[MUTES]) if MUTES in changed else held.mutes,
                graph=await load.graph(versions[DEPENDENCY]) if DEPENDENCY in changed else held.graph,
                storm=await load.storm(versions[STORM]) if STORM in changed else held.storm,
                versions=dict(versions),
            )
        self._held = held
        return held
