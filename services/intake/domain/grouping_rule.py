"""Grouping rules ready for use: which rule takes an alert, and which group it puts the alert in."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import orjson

from services.intake.domain.condition import facts_of
from services.intake.domain.match_count import MatchCounts
from services.intake.domain.matcher import Matcher, Matchers, Operator
from services.intake.domain.similarity import Similarity
from services.intake.domain.threshold import Threshold
from shared.condition import Condition, ConditionFailed, Facts

DEFAULT = "default"
# Groups remembered for each rule, some 300 bytes each; beyond it the memory starts anew, which costs half a microsecond an alert.
_MOST_REMEMBERED = 16_384
_MOST_ANSWERS = 1024


class Placement(NamedTuple):
    """Where an alert belongs: its rule, the key of its group, and the labels and values that make the group."""

    # A named tuple because it is made for every alert: a frozen dataclass takes three times as long.
    rule: "GroupingRule"
    key: str
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class GroupingRule:
    """One rule. An alert it takes joins its group's incident, or the one it finds by dependency or likeness, or opens one."""

    name: str
    index: int
    group_by: tuple[str, ...]
    matchers: Matchers = ()
    condition: Condition | None = None
    quiet_period: timedelta = timedelta(0)
    threshold: Threshold | None = None
    dependencies: bool = False
    similarity: Similarity | None = None
    line: int = 0  # in the document; 0 for the built-in rule
    # What follows is worked out once, for the path of every alert.
    prefix: str = field(init=False, repr=False)
    equals: dict[str, str] = field(init=False, repr=False)  # labels that must have one value
    _tests: tuple[tuple[str, Callable[[str], bool]], ...] = field(init=False, repr=False)
    _remembered: dict[tuple[str | None, ...], Placement] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        # The built-in rule's keys are those from before there were rules, so that open incidents stay found. No rule's name holds
        # a bracket or a colon, so no two rules can make the same key.
        object.__setattr__(self, "prefix", "" if self.name == DEFAULT else f"{self.name}:")
        equals: dict[str, str] = {}
        for each in self.matchers:
            # An empty value also fits a label that is absent; a second value for one label is for the other matchers to deny.
            if each.operator is Operator.EQUAL and each.value:
                equals.setdefault(each.label, each.value)
        object.__setattr__(self, "equals", equals)
        told = {Matcher(label, Operator.EQUAL, value) for label, value in equals.items()}
        object.__setattr__(self, "_tests", tuple((each.label, _remembering(each)) for each in self.matchers if each not in told))

    @property
    def takes_all(self) -> bool:
        return not self.matchers and self.condition is None

    @property
    def digest(self) -> str:
        """Identifies the rule as it is written, wherever it stands: what it did is counted for as long as this stays."""
        condition = self.condition.text if self.condition else ""
        parts = (self.name, self.group_by, self.matchers, condition, self.quiet_period, self.threshold, self.dependencies, self.similarity)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Returns whether every matcher holds."""
        for label, value in self.equals.items():
            if labels.get(label) != value:
                return False
        for label, test in self._tests:  # noqa: SIM110 - all() with a generator takes twice as long
            if not test(labels.get(label, "")):
                return False
        return True

    def place(self, labels: Mapping[str, str], fingerprint: str) -> Placement:
        """Returns the group of an alert this rule takes. The same labels give the same key, whatever the revision.

        An alert with none of the labels is its own group: lumping strangers together hides them. A rule that groups by nothing
        has one group.
        """
        values = tuple(map(labels.get, self.group_by))
        known = self._remembered.get(values)
        if known is not None:
            return known
        if self.group_by and not any(values):
            return Placement(self, f"{self.prefix}alert:{fingerprint}", ())
        found = tuple((name, value) for name, value in zip(self.group_by, values, strict=True) if value)
        made = Placement(self, self.prefix + orjson.dumps(found).decode(), found)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[values] = made
        return made


def _remembering(matcher: Matcher) -> Callable[[str], bool]:
    """Returns the matcher's test, remembering its answers: a regex takes two microseconds, and a label has few values."""
    answers: dict[str, bool] = {}

    def test(value: str) -> bool:
        answer = answers.get(value)
        if answer is None:
            if len(answers) >= _MOST_ANSWERS:
                answers.clear()
            answer = answers[value] = matcher.accepts(value)
        return answer

    return test


class RuleSet:
    """The rules of one revision, the built-in last; the first that takes an alert places it."""

    __slots__ = ("_by_value", "_label", "_names", "_others", "counts", "default", "reads_annotations", "reads_source", "revision", "rules")

    def __init__(self, revision: int, named: Sequence[GroupingRule], default: GroupingRule) -> None:
        self.revision = revision
        self.default = default
        self.rules = (*named, default)
        self.counts = MatchCounts(len(self.rules))
        self._names = frozenset[str]().union(*(each.condition.names for each in named if each.condition))
        # Where a rule reads neither, the labels alone decide, and a caller may remember the answer by them.
        self.reads_annotations = "annotations" in self._names
        self.reads_source = "source" in self._names
        self._label, self._by_value, self._others = _indexed(named)

    def place(self, labels: Mapping[str, str], annotations: Mapping[str, str], source: str, fingerprint: str) -> Placement:
        """Returns where the alert belongs; never fails. Counts conditions that could not be evaluated, and nothing else."""
        facts: Facts = None
        for rule in self._by_value.get(labels.get(self._label), self._others):
            if not rule.matches(labels):
                continue
            if rule.condition is None:
                return rule.place(labels, fingerprint)
            facts = facts or facts_of(labels, annotations, source, self._names)
            if self._holds(rule, rule.condition, facts):
                return rule.place(labels, fingerprint)
        return self.default.place(labels, fingerprint)

    def _holds(self, rule: GroupingRule, condition: Condition, facts: Facts) -> bool:
        """A condition that cannot be evaluated does not hold: an alert is never lost to a rule's mistake."""
        try:
            return condition.holds(facts)
        except ConditionFailed as error:
            self.counts.fail(rule.index, str(error))
            return False


_Index = tuple[str, dict[str | None, tuple[GroupingRule, ...]], tuple[GroupingRule, ...]]


def _indexed(rules: Sequence[GroupingRule]) -> _Index:
    """Returns the label that most rules ask one value of, the rules worth trying for each such value, and those for any other.

    Organisations tell their rules apart by one label, mostly the team's: twenty of them then cost what two do.
    """
    asked = Counter(label for rule in rules for label in rule.equals)
    label = min(asked, key=lambda each: (-asked[each], each), default="")
    values = {rule.equals[label] for rule in rules if label in rule.equals}
    by_value: dict[str | None, tuple[GroupingRule, ...]] = {
        value: tuple(rule for rule in rules if rule.equals.get(label, value) == value) for value in values
    }
    return label, by_value, tuple(rule for rule in rules if label not in rule.equals)
