"""Which components a maintenance window covers as a whole: those of which every alert matches it, whatever else the alert carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2

LABEL = "component"  # names the component of an alert
_ANYTHING = frozenset({".*", "(.*)", "(?s).*", "(?s:.*)"})


class Comparison(StrEnum):
    """How a value is compared; the values are Alertmanager's operators."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """One condition of a window on one label; a regex (RE2) must match the whole value."""

    label: str
    comparison: Comparison
    value: str

    @property
    def holds_for_all(self) -> bool:
        """Whether it holds whatever the value: plainly so; of other patterns that cannot be told, and they count as a choice."""
        return self.comparison is Comparison.MATCHES and self.value in _ANYTHING

    @property
    def is_full(self) -> bool:
        """Whether it is written for full names, `components/{id}`."""
        return self.value.startswith("components/")

    @property
    def is_negative(self) -> bool:
        return self.comparison in {Comparison.NOT_EQUAL, Comparison.NOT_MATCHES}

    def accepts(self, value: str) -> bool:
        if self.comparison is Comparison.EQUAL:
            return value == self.value
        if self.comparison is Comparison.NOT_EQUAL:
            return value != self.value
        return (_compiled(self.value).fullmatch(value) is not None) is (self.comparison is Comparison.MATCHES)


@dataclass(frozen=True, slots=True)
class ComponentSelection:
    """The conditions on the component, which must all hold; without any it covers nothing."""

    matchers: tuple[LabelMatcher, ...] = ()

    def covers(self, component: str) -> bool:
        """Says whether `components/{id}` is covered as a whole.

        Alerts carry the bare id or the full name; a condition is written for one of them and means both.
        """
        bare = component.removeprefix("components/")
        # One alert has one form: what asks for both of them matches none.
        is_one_form = len({each.is_full for each in self.matchers if not each.is_negative}) < 2
        return bool(self.matchers) and is_one_form and all(each.accepts(component if each.is_full else bare) for each in self.matchers)

    @property
    def named(self) -> str:
        """Returns the one component it is about, `components/{id}`; empty where it is a pattern or has more than one condition."""
        if len(self.matchers) != 1 or self.matchers[0].comparison is not Comparison.EQUAL or not self.matchers[0].value:
            return ""
        return f"components/{self.matchers[0].value.removeprefix('components/')}"


NOTHING = ComponentSelection()


def selection_of(matchers: Sequence[LabelMatcher]) -> ComponentSelection:
    """Returns what a window covers as a whole: nothing where it chooses among a component's alerts by another label.

    Raises ValueError for a regex that cannot be read.
    """
    choosing = [each for each in matchers if not (each.holds_for_all and each.label != LABEL)]
    if any(each.label != LABEL for each in choosing):
        return NOTHING
    for each in choosing:
        if each.comparison in {Comparison.MATCHES, Comparison.NOT_MATCHES}:
            _check(each.value)
    return ComponentSelection(tuple(choosing))


def _check(regex: str) -> None:
    try:
        _compiled(regex)
    except re2.error as error:
        raise ValueError(f"{regex!r} is no regex: {error}") from None


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(regex, options)
