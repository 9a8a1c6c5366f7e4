"""An index of sets of matchers: finds those that match an alert without trying them all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import re2

from services.intake.domain.matcher import Matcher, Matchers, Operator, accept

Item = TypeVar("Item")
_LITERALS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:/@ |")
_NONE: Sequence[Any] = ()
# What looking by a regex, or only by the presence of a label, costs: as much as trying this many items.
_REGEX_COST, _PRESENCE_COST = 16, 1000
_SET_SIZE = 100
_SET_MEMORY = 64 << 20  # a bound on what the automaton of one set may grow to, in bytes


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item]):
    """An item, and the matchers that remain to be tried where the one it is found by holds."""

    item: Item
    rest: Matchers


@dataclass(slots=True)
class _Label(Generic[Item]):
    """What is found by one label: by its value, by a regex over it, or by its being there."""

    exact: dict[str, list[_Entry[Item]]] = field(default_factory=dict)
    regexes: list[tuple[str, _Entry[Item]]] = field(default_factory=list)
    present: list[_Entry[Item]] = field(default_factory=list)
    sets: list[tuple[Any, list[_Entry[Item]]]] = field(default_factory=list)

    def candidates(self, value: str) -> Sequence[_Entry[Item]]:
        """Returns the entries that the label lets through with this value, which is not empty."""
        exact = self.exact.get(value, _NONE)
        if not self.sets and not self.present:  # which is the case nearly always, and on the path of every alert
            return exact
        matched = [entries[index] for automaton, entries in self.sets for index in automaton.Match(value) or ()]
        return [*exact, *self.present, *matched]


class MatcherIndex(Generic[Item]):
    """Items by their matchers. Built once, never changed.

    Each item is filed under one of its matchers: an equality, the rarest, else a regex, which are tried many at once by one
    automaton. The cost of a look-up grows with the items found, hardly with those there are.
    """

    def __init__(self, items: Sequence[tuple[Matchers, Item]]) -> None:
        self._labels: dict[str, _Label[Item]] = {}
        self._always: list[_Entry[Item]] = []  # those that an alert without any of their labels may match
        rarity = Counter((each.label, value) for matchers, _ in items for each in matchers for value in _values(each))
        for matchers, item in items:
            self._file(matchers, item, rarity)
        for label in self._labels.values():
            label.sets = list(_sets(label.regexes))

    def matching(self, labels: Mapping[str, str]) -> list[Item]:
        """Returns the items all of whose matchers hold, in no order that means anything."""
        found = [each.item for each in self._always if accept(each.rest, labels)] if self._always else []
        names: Iterable[str] = self._labels if len(self._labels) < len(labels) else labels
        for name in names:
            label = self._labels.get(name)
            value = labels.get(name)
            if label is not None and value:
                found += [each.item for each in label.candidates(value) if accept(each.rest, labels)]
        return found

    def _file(self, matchers: Matchers, item: Item, rarity: Mapping[tuple[str, str], int]) -> None:
        chosen = min((each for each in matchers if not each.accepts("")), key=lambda each: _cost(each, rarity), default=None)
        if chosen is None:
            self._always.append(_Entry(item, matchers))
            return
        entry = _Entry(item, _cheapest_first(each for each in matchers if each is not chosen))
        label = self._labels.setdefault(chosen.label, _Label())
        values = _values(chosen)
        for value in values:
            label.exact.setdefault(value, []).append(entry)
        if not values and chosen.operator is Operator.MATCHES:
            label.regexes.append((chosen.value, entry))
        elif not values:
            label.present.append(_Entry(item, _cheapest_first(matchers)))


def _values(matcher: Matcher) -> tuple[str, ...]:
    """Returns the values the matcher accepts, where it lists them: `a`, or the regex `a|b`. None where it does not."""
    if matcher.operator is Operator.EQUAL:
        return (matcher.value,)
    if matcher.operator is Operator.MATCHES and _LITERALS.issuperset(matcher.value):
        return tuple(dict.fromkeys(matcher.value.split("|")))
    return ()


def _cost(matcher: Matcher, rarity: Mapping[tuple[str, str], int]) -> int:
    """Returns about how many items will have to be tried where this one is found by the matcher."""
    values = _values(matcher)
    if values:
        return max(rarity[matcher.label, value] for value in values)
    return _REGEX_COST if matcher.operator is Operator.MATCHES else _PRESENCE_COST


def _cheapest_first(matchers: Iterable[Matcher]) -> Matchers:
    return tuple(sorted(matchers, key=lambda each: each.is_regex))


def _sets(regexes: Sequence[tuple[str, _Entry[Item]]]) -> Iterable[tuple[Any, list[_Entry[Item]]]]:
    options = re2.Options()
    options.max_mem = _SET_MEMORY
    options.log_errors = False
    for first in range(0, len(regexes), _SET_SIZE):
        yield from _fitting(regexes[first : first + _SET_SIZE], options)


def _fitting(regexes: Sequence[tuple[str, _Entry[Item]]], options: Any) -> Iterable[tuple[Any, list[_Entry[Item]]]]:
    """Yields one automaton, or several where one would take more memory than it may; a regex that was accepted fits alone."""
    automaton = re2.Set.FullMatchSet(options)
    for regex, _ in regexes:
        automaton.Add(regex)
    try:
        automaton.Compile()
    except re2.error:
        if len(regexes) == 1:
            raise
        middle = len(regexes) // 2
        yield from _fitting(regexes[:middle], options)
        yield from _fitting(regexes[middle:], options)
    else:
        yield automaton, [entry for _, entry in regexes]
