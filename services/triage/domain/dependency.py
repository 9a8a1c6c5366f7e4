"""Dependencies between components: the graph must have no cycle, and is followed backwards to see what else is hurt."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from services.triage.domain.errors import DependencyCycle

Dependencies = Mapping[str, Sequence[str]]
"""What each component needs, by name; a name that is only ever needed has no entry."""


def check_acyclic(dependencies: Dependencies) -> None:
    """Raises DependencyCycle naming a cycle, each component before the one it needs. The same graph names the same cycle."""
    ordered = {name: sorted(dependencies[name]) for name in sorted(dependencies)}
    try:
        TopologicalSorter(ordered).prepare()
    except CycleError as error:
        # graphlib lists what is needed before what needs it.
        raise DependencyCycle(error.args[1][::-1]) from None


def dependents_of(names: Iterable[str], dependencies: Dependencies) -> frozenset[str]:
    """Returns the components that need any of `names`, directly or through others, without `names` themselves."""
    needed_by: dict[str, list[str]] = {}
    for name, needed in dependencies.items():
        for other in needed:
            needed_by.setdefault(other, []).append(name)
    start = frozenset(names)
    found = set(start)
    ahead = list(start)
    while ahead:
        fresh = [name for name in needed_by.get(ahead.pop(), ()) if name not in found]
        found.update(fresh)
        ahead += fresh
    return frozenset(found - start)
