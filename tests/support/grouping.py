"""Builders for tests of grouping: documents, rule sets and alerts, each from what matters to the test."""

from services.intake.domain.grouping_document import read_rules, rule_set
from services.intake.domain.grouping_rule import Placement, RuleSet
from services.intake.domain.rule_problem import RuleProblem

FINGERPRINT = "0123456789abcdef0123456789abcdef"


def document(*rules: str) -> str:
    """Returns a document of these rules, each written as a flow mapping without its braces: `name: a, when: 'true'`."""
    return "rules:\n" + "".join(f"  - {{{each}}}\n" for each in rules)


def ruling(*rules: str, group_by: tuple[str, ...] = ("component",)) -> RuleSet:
    return rule_set(document(*rules), 1, group_by)


def placed(rules: RuleSet, source: str = "prometheus", **labels: str) -> Placement:
    return rules.place(labels, {}, source, FINGERPRINT)


def problems(text: str) -> dict[str, RuleProblem]:
    """Returns what is amiss with a document, by path."""
    return {each.path: each for each in read_rules(text, ("component",)).problems}


def problem(rule: str) -> RuleProblem:
    """Returns the only thing amiss with a document of this one rule."""
    found = read_rules(document(rule), ("component",)).problems
    assert len(found) == 1, [each.sentence for each in found]
    return found[0]
