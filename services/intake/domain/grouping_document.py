"""The rules document: YAML in which an organisation says how its alerts become incidents."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from services.intake.domain.condition import LANGUAGE
from services.intake.domain.errors import GroupingRulesInvalid, MatchersRefused
from services.intake.domain.grouping_reader import Reader
from services.intake.domain.grouping_rule import DEFAULT, GroupingRule, RuleSet
from services.intake.domain.matcher import Matchers, check_matchers
from services.intake.domain.matcher_text import parse_matchers
from services.intake.domain.rule_problem import RuleProblem, errors_of
from services.intake.domain.shadowing import shadows
from services.intake.domain.similarity import Similarity
from services.intake.domain.threshold import Threshold
from shared.condition import Condition, ConditionRefused
from shared.yaml_tree import Fields, Limits, Node, Scalar, YamlRefused, read_yaml

MOST_RULES = 200
MOST_CONDITIONS = 50  # each costs some 4 µs for every alert that comes to it
# What flaps at a longer beat than this is two outages. Five minutes is Prometheus' and Alertmanager's own patience: an alert that
# missed one evaluation is back by then.
QUIET_PERIOD = timedelta(minutes=5)
EMPTY = "rules: []\n"

_LIMITS = Limits(remedy="write fewer or shorter rules")
_MOST_MATCHERS = 20
_MOST_LABELS = 16
_LONGEST_NAME = 128
_LONGEST_MATCHER = 2048
_LEAST_SPAN = timedelta(seconds=1)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_RULE_FIELDS = ("name", "match", "when", "group_by", "quiet_period", "threshold", "dependencies", "similarity")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says, as far as it can be read, and everything that is amiss with it."""

    rules: tuple[GroupingRule, ...]
    problems: tuple[RuleProblem, ...]


def read_rules(text: str, group_by: tuple[str, ...]) -> Reading:
    """Reads a document; `group_by` is for the rules that do not say. Raises nothing: all problems are told at once."""
    reader = Reader()
    try:
        root = read_yaml(text, _LIMITS)
    except YamlRefused as refused:
        return Reading((), (RuleProblem("", "", refused.line, refused.column, refused.text),))
    if root is None:
        reader.refuse(Scalar("", False, 1, 1), "", "is empty; write `rules: []` for none")
        return Reading((), tuple(reader.problems))
    rules = _rules(reader, root, group_by)
    warnings = [] if reader.problems else _shadow_warnings(rules)
    return Reading(rules, (*reader.problems, *warnings))


def rule_set(text: str, revision: int, group_by: tuple[str, ...]) -> RuleSet:
    """Returns the rules of a document, ready for use. Raises GroupingRulesInvalid with everything that is amiss."""
    reading = read_rules(text, group_by)
    errors = errors_of(reading.problems)
    if errors:
        raise GroupingRulesInvalid(errors)
    # No quiet period: without rules of its own, an organisation gets what an alert says and nothing more.
    return RuleSet(revision, reading.rules, GroupingRule(DEFAULT, len(reading.rules), group_by))


def _rules(reader: Reader, root: Node, group_by: tuple[str, ...]) -> tuple[GroupingRule, ...]:
    fields = reader.fields(root, "", ("rules",))
    if "rules" not in fields:
        if isinstance(root, Fields):
            reader.refuse(root, "rules", "is missing; write `rules: []` for none")
        return ()
    listed = reader.items(fields["rules"], "rules", lambda node, path: (node, path), MOST_RULES)
    names: dict[str, int] = {}
    rules = tuple(_rule(reader, node, path, index, names, group_by) for index, (node, path) in enumerate(listed))
    if sum(rule.condition is not None for rule in rules) > MOST_CONDITIONS:
        reader.refuse(root, "rules", f"hold more than {MOST_CONDITIONS} conditions (when); matchers cost a tenth, use them where they do")
    return rules


def _rule(reader: Reader, node: Node, path: str, index: int, names: dict[str, int], group_by: tuple[str, ...]) -> GroupingRule:
    reader.rule = _known_name(node)
    fields = reader.fields(node, path, _RULE_FIELDS)

    def read(name: str, how: Callable[[Reader, Node, str], Value | None], otherwise: Value) -> Value:
        found = how(reader, fields[name], f"{path}.{name}") if name in fields else None
        return otherwise if found is None else found

    rule = GroupingRule(
        name=_name(reader, fields.get("name"), node, path, names),
        index=index,
        group_by=read("group_by", _group_by, group_by),
        matchers=read("match", _match, ()),
        condition=read("when", _condition, None),
        quiet_period=read("quiet_period", lambda reader, node, at: reader.span(node, at, timedelta(0)), QUIET_PERIOD),
        threshold=read("threshold", _threshold, None),
        dependencies=read("dependencies", Reader.flag, False),
        similarity=read("similarity", _similarity, None),
        line=node.line,
    )
    reader.rule = ""
    return rule


def _known_name(node: Node) -> str:
    """Returns the rule's name before anything was checked, to say in problems which rule they concern."""
    entries = node.entries if isinstance(node, Fields) else ()
    return next((value.text[:64] for key, value in entries if key.text == "name" and isinstance(value, Scalar)), "")


def _name(reader: Reader, node: Node | None, rule: Node, path: str, names: dict[str, int]) -> str:
    if node is None:
        if isinstance(rule, Fields):
            reader.refuse(rule, f"{path}.name", "is missing; a rule's name stands in its incidents' groups and in reports")
        return ""
    name = reader.text(node, f"{path}.name", _LONGEST_NAME) or ""
    if name and not _NAME.fullmatch(name):
        reader.refuse(node, f"{path}.name", "must be lower-case letters, digits and inner dashes, at most 63")
    if name == DEFAULT:
        reader.refuse(node, f"{path}.name", "is the built-in rule's; choose another")
    if name in names:
        reader.refuse(node, f"{path}.name", f"is taken by the rule on line {names[name]}; choose another")
    names.setdefault(name, node.line)
    return name


def _match(reader: Reader, node: Node, path: str) -> Matchers:
    several = reader.items(node, path, lambda each, at: _matchers(reader, each, at), _MOST_MATCHERS)
    return tuple(each for some in several for each in some)


def _matchers(reader: Reader, node: Node, path: str) -> Matchers | None:
    text = reader.text(node, path, _LONGEST_MATCHER)
    if text is None:
        return None
    try:
        found = parse_matchers(text, path)
        # A rule may take alerts by what they lack: one that takes too many shows in the dry run, and mutes nobody.
        check_matchers(found, path, may_match_all=True)
    except MatchersRefused as refused:
        reader.refuse(node, path, "; ".join(each.description for each in refused.violations))
        return None
    return found


def _condition(reader: Reader, node: Node, path: str) -> Condition | None:
    text = reader.text(node, path, 4 * _LONGEST_MATCHER)
    if text is None:
        return None
    try:
        return LANGUAGE.condition(text)
    except ConditionRefused as refused:
        # Within a quoted or block text the column counts in the expression, as escapes and indents are gone.
        reader.refuse(node, path, f"column {refused.column}{_on_line(refused.line)} of the expression: {refused.text}")
        return None


def _on_line(line: int) -> str:
    return f" in line {line}" if line > 1 else ""


def _group_by(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    found = reader.items(node, path, lambda each, at: reader.text(each, at, _LONGEST_NAME), _MOST_LABELS)
    doubled = next((name for index, name in enumerate(found) if name in found[:index]), None)
    if doubled:
        reader.refuse(node, path, f"names {doubled} twice; keep one")
    return found


def _threshold(reader: Reader, node: Node, path: str) -> Threshold | None:
    fields = reader.fields(node, path, ("count", "within"))
    count = reader.number(fields["count"], f"{path}.count", 2, 1000) if "count" in fields else None
    within = reader.span(fields["within"], f"{path}.within", _LEAST_SPAN) if "within" in fields else None
    _refuse_missing(reader, node, path, fields, {"count": "how many alerts, as 3", "within": "within what time, as 10m"})
    return None if count is None or within is None else Threshold(count, within)


def _similarity(reader: Reader, node: Node, path: str) -> Similarity | None:
    fields = reader.fields(node, path, ("of", "at_least"))
    of = reader.text(fields["of"], f"{path}.of", _LONGEST_NAME) if "of" in fields else None
    least = reader.fraction(fields["at_least"], f"{path}.at_least") if "at_least" in fields else None
    _refuse_missing(reader, node, path, fields, {"of": "the annotation to compare, as summary", "at_least": "how alike, as 0.8"})
    return None if of is None or least is None else Similarity(of, least)


def _refuse_missing(reader: Reader, node: Node, path: str, fields: Collection[str], wanted: dict[str, str]) -> None:
    for name, meaning in wanted.items():
        if isinstance(node, Fields) and name not in fields:
            reader.refuse(node, f"{path}.{name}", f"is missing; say {meaning}")


def _shadow_warnings(rules: Sequence[GroupingRule]) -> list[RuleProblem]:
    return [
        RuleProblem(
            f"rules[{index}]",
            rules[index].name,
            rules[index].line,
            1,
            f"can match nothing: rule {rules[earlier].name} on line {rules[earlier].line} takes every alert it would; put it before that",
            is_warning=True,
        )
        for index, earlier in shadows(rules).items()
    ]
