"""Cycles among dependencies: which components need each other in a circle, and the shortest way round."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Dependencies = Mapping[str, Sequence[str]]
"""What each component needs, by name; a name that is only ever needed has no entry."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Components each of which needs every other through others, or one that needs itself; by name, and one way round them."""

    members: tuple[str, ...]
    path: tuple[str, ...]  # the shortest from the first member back to it; the first by name among equals


def circles_of(dependencies: Dependencies) -> tuple[Circle, ...]:
    """Returns every circle, by its first member. The same graph gives the same circles and the same ways round."""
    return tuple(Circle(group, way_round(dependencies, group)) for group in sorted(groups_of(dependencies)))


def groups_of(dependencies: Dependencies) -> Iterator[tuple[str, ...]]:
    """Yields the strongly connected groups of more than one, and those that need themselves; each by name.

    Kosaraju's and Sharir's two walks (Aho, Hopcroft, Ullman, Data Structures and Algorithms, 1983, §6.7), without recursion: chains
    are longer than Python's stack.
    """
    needed_by: dict[str, list[str]] = {name: [] for name in dependencies}
    for name, needed in dependencies.items():
        for each in needed:
            if each in needed_by:
                needed_by[each].append(name)
    taken: set[str] = set()
    for root in reversed(_finished(dependencies)):
        group = _collected(needed_by, root, taken)
        if len(group) > 1 or (group and root in dependencies[root]):
            yield tuple(sorted(group))


def way_round(dependencies: Dependencies, group: Sequence[str]) -> tuple[str, ...]:
    """Returns the shortest way from the first member of the group back to it, along what is needed."""
    start, members = group[0], frozenset(group)
    inside = {name: sorted(each for each in dependencies[name] if each in members) for name in group}
    return (start, *min((shortest_way(inside, needed, start) for needed in inside[start]), key=len))


def shortest_way(dependencies: Dependencies, start: str, end: str) -> tuple[str, ...]:
    """Returns a shortest way along what is needed, by the order of `dependencies` among equals; empty when there is none."""
    came: dict[str, str] = {start: ""}
    layer = [start]
    while layer and end not in came:
        following: list[str] = []
        for name in layer:
            for needed in dependencies.get(name, ()):
                if needed not in came:
                    came[needed] = name
                    following.append(needed)
        layer = following
    way = [end] if end in came else []
    while way and came[way[-1]]:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def _finished(dependencies: Dependencies) -> list[str]:
    """Returns the names in the order in which a walk in depth leaves them."""
    finished: list[str] = []
    seen: set[str] = set()
    for root in dependencies:
        if root in seen:
            continue
        seen.add(root)
        walk = [(root, iter(dependencies[root]))]
        while walk:
            name, rest = walk[-1]
            following = next((each for each in rest if each in dependencies and each not in seen), None)
            if following is None:
                finished.append(name)
                walk.pop()
            else:
                seen.add(following)
                walk.append((following, iter(dependencies[following])))
    return finished


def _collected(needed_by: Mapping[str, Sequence[str]], root: str, taken: set[str]) -> list[str]:
    """Takes what needs `root`, itself included, and was not taken before."""
    if root in taken:
        return []
    taken.add(root)
    group, work = [root], [root]
    while work:
        for each in needed_by[work.pop()]:
            if each not in taken:
                taken.add(each)
                group.append(each)
                work.append(each)
    return group
