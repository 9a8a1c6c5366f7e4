"""Dependencies between components: who needs whom must not lead in a circle."""

from collections.abc import Mapping, Sequence
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
