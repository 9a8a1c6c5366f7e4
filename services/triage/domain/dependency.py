"""Dependencies between components: a change of who needs whom must not lead in a new circle."""

from services.triage.domain.dependency_cycle import Dependencies, groups_of, shortest_way
from services.triage.domain.errors import DependencyCycle


def check_acyclic(dependencies: Dependencies, before: Dependencies | None = None) -> None:
    """Raises DependencyCycle naming a cycle that some dependency not there `before` closes, each component before the one it needs.

    A cycle that was there before, as an import may bring one, stays nobody's fault but its own: it does not stop other changes. The
    same graphs name the same cycle.
    """
    held = before or {}
    fresh = {name: set(needed) - set(held.get(name, ())) for name, needed in dependencies.items() if needed != held.get(name)}
    if not any(fresh.values()):
        return
    group_of = {name: group for group in groups_of(dependencies) for name in group}
    for name in sorted(group_of.keys() & fresh.keys()):
        closing = sorted(each for each in fresh[name] if group_of.get(each) is group_of[name])
        if closing:
            inside = {each: sorted(dependencies[each]) for each in group_of[name]}
            raise DependencyCycle((name, *shortest_way(inside, closing[0], name)))
