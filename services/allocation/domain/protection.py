"""Protection by rule: the roadmap items that a policy's rules name, as hard constraints of the plan."""

from dataclasses import replace
from fnmatch import fnmatchcase

from services.allocation.domain.situation import Situation


def protected_situation(situation: Situation, protects: tuple[str, ...]) -> Situation:
    """Returns the situation with those items protected; `*` in a name stands for any characters."""
    if not protects:
        return situation
    items = tuple(
        replace(item, protected=True) if any(fnmatchcase(item.name, each) for each in protects) else item for item in situation.items
    )
    return replace(situation, items=items)
