"""Inhibition: an alert is muted while another fires that explains it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.errors import MatchersRefused, MutingRefused
from services.intake.domain.matcher import Matchers, accept, check_matchers
from shared.errors import Violation

MOST_RULES = 200
MOST_EQUAL = 16
LONGEST_NAME = 128
LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert that matches `source` fires, those that match `target` are muted where the labels `equal` have the same values.

    An absent label has the same value as an empty one.
    """

    name: str
    source: Matchers
    target: Matchers
    equal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InhibitRules:
    """A revision of the whole set."""

    revision: int
    rules: tuple[InhibitRule, ...]
    author: str
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FiringSource:
    """A firing alert that may inhibit others: its resource name and its labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inhibition:
    """The rule that mutes an alert, and the firing alert that is the cause."""

    rule: InhibitRule
    source: FiringSource


def equal_key(rule: InhibitRule, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the values by which sources and targets of the rule find each other."""
    return tuple(labels.get(name, "") for name in rule.equal)


class Inhibitors:
    """The alerts that fire and may mute others, found by rule and equal values. Built once for the many alerts of a batch.

    An alert that matches both sides of a rule is not inhibited by it through others that do, itself among them: two such alerts
    would mute each other.
    """

    def __init__(self, firing: Iterable[tuple[FiringSource, Sequence[InhibitRule]]]) -> None:
        """`firing` has with each alert the rules of which it matches the source."""
        self._one_sided: dict[tuple[str, tuple[str, ...]], FiringSource] = {}
        self._two_sided: dict[tuple[str, tuple[str, ...]], FiringSource] = {}
        for source, rules in firing:
            for rule in rules:
                kept = self._two_sided if accept(rule.target, source.labels) else self._one_sided
                kept.setdefault((rule.name, equal_key(rule, source.labels)), source)

    def of(self, labels: Mapping[str, str], rules: Sequence[InhibitRule]) -> Inhibition | None:
        """Returns the first of these rules, all of which have the labels as a target, by which a firing alert mutes one that has them.

        One look-up for each rule, however many alerts fire.
        """
        for rule in rules:
            place = (rule.name, equal_key(rule, labels))
            source = self._one_sided.get(place)
            if source is None and place in self._two_sided and not accept(rule.source, labels):
                source = self._two_sided[place]
            if source is not None:
                return Inhibition(rule, source)
        return None


def check_rules(rules: InhibitRules) -> None:
    """Raises MutingRefused or MatchersRefused, naming every rule at fault."""
    found = []
    if len(rules.rules) > MOST_RULES:
        found.append(Violation("rules", f"holds {len(rules.rules)} rules, the limit is {MOST_RULES}"))
    if not rules.reason.strip() or len(rules.reason) > LONGEST_TEXT or "\0" in rules.reason:
        found.append(Violation("reason", f"must hold at least a character that is no space and at most {LONGEST_TEXT:,}, none of them NUL"))
    names: set[str] = set()
    for index, rule in enumerate(rules.rules):
        found += [Violation(f"rules[{index}].{field}", fault) for field, fault in _faults(rule, names)]
        names.add(rule.name)
    if found:
        raise MutingRefused(found)
    for index, rule in enumerate(rules.rules):
        # A source that all alerts match would make every alert one to be remembered; a target may well be all others.
        found += _matcher_faults(rule.source, f"rules[{index}].source", may_match_all=False)
        found += _matcher_faults(rule.target, f"rules[{index}].target", may_match_all=True)
    if found:
        raise MatchersRefused(found)


def _faults(rule: InhibitRule, names: set[str]) -> Iterable[tuple[str, str]]:
    if not rule.name.strip() or len(rule.name) > LONGEST_NAME or "\0" in rule.name or "/" in rule.name:
        yield "name", f"must hold 1 to {LONGEST_NAME} characters, no slash among them; muted alerts name the rule by it"
    elif rule.name in names:
        yield "name", f"{rule.name!r} is that of another rule; give each its own"
    if len(rule.equal) > MOST_EQUAL or len(set(rule.equal)) != len(rule.equal) or not all(rule.equal):
        yield "equal", f"must hold at most {MOST_EQUAL} names of labels, each once"


def _matcher_faults(matchers: Matchers, field: str, *, may_match_all: bool) -> tuple[Violation, ...]:
    try:
        check_matchers(matchers, field, may_match_all=may_match_all)
    except MatchersRefused as error:
        return error.violations
    return ()
