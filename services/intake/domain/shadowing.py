"""Shadowed rules: those that can never match, because an earlier rule takes every alert they would."""

from collections.abc import Mapping, Sequence

from services.intake.domain.grouping_rule import GroupingRule
from services.intake.domain.matcher import Matcher, Operator


def shadows(rules: Sequence[GroupingRule]) -> Mapping[int, int]:
    """Returns the index of each rule that can never match, with that of the first rule that shadows it.

    Finds what can be told from the matchers and from equal conditions: it may miss a shadow, and never claims one that is not.
    """
    found: dict[int, int] = {}
    for index, rule in enumerate(rules):
        earlier = next((before for before in range(index) if _covers(rules[before], rule)), None)
        if earlier is not None:
            found[index] = earlier
    return found


def _covers(wide: GroupingRule, narrow: GroupingRule) -> bool:
    """Returns whether every alert that `narrow` takes is one that `wide` takes as well."""
    if wide.condition is not None and (narrow.condition is None or narrow.condition.text != wide.condition.text):
        return False
    return all(any(_implies(given, wanted) for given in narrow.matchers) for wanted in wide.matchers)


def _implies(given: Matcher, wanted: Matcher) -> bool:
    """Returns whether a label that fits `given` fits `wanted`."""
    if given == wanted:
        return True
    # Where the label's one value is known, it can be tried.
    return given.label == wanted.label and given.operator is Operator.EQUAL and wanted.accepts(given.value)
