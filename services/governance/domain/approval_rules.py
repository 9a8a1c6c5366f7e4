"""A version of the approval rules ready to be asked: what makes it one, and which rule counts for a request."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from services.governance.domain.approval_facts import LANGUAGE, facts_of
from services.governance.domain.approval_request import ApprovalRequest, Impact
from services.governance.domain.approval_rule import ApprovalRule, RulesDocument
from services.governance.domain.approver import names_of, person_of
from services.governance.domain.errors import ApprovalRulesRefused, RuleMissing, RuleUndecided
from shared.condition import Condition, ConditionFailed, ConditionRefused, Facts
from shared.errors import says_nothing
from shared.money import Money
from shared.span import span_text

LONGEST_WAIT = timedelta(days=366)
_SOME_DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: how long hours take is much the same from any day on
Fault = tuple[str, str]  # the field, and what is wrong with it


@dataclass(frozen=True, slots=True)
class Rules:
    """A version ready to be asked."""

    revision: int
    document: RulesDocument
    conditions: tuple[Condition, ...] = field(default=(), compare=False)

    def choose(self, request: ApprovalRequest) -> ApprovalRule:
        """Returns the first rule that applies. Raises RuleMissing when none does.

        Raises RuleUndecided for one that cannot be asked: to pass over it could find a milder one, to take it could as well.
        """
        facts, unknown = facts_of(request)
        for rule, condition in zip(self.document.rules, self.conditions, strict=True):
            try:
                if condition.holds(facts):
                    return rule
            except ConditionFailed as failed:
                raise RuleUndecided(rule.name, sorted(condition.names & unknown), str(failed)) from None
        raise RuleMissing(request.kind, self.revision)


def rules_of(revision: int, document: RulesDocument) -> Rules:
    """Compiles a version. Raises ApprovalRulesRefused naming everything wrong with it, and where within a condition."""
    found, conditions = [*_group_faults(document)], []
    for position, rule in enumerate(document.rules):
        place = f"rules.rules[{position}]"
        try:
            conditions.append(condition := LANGUAGE.condition(rule.when))
            found += ((f"{place}.when", f"of {rule.name!r} {why}") for why in _sure_failure(condition))
        except ConditionRefused as refused:
            found.append((f"{place}.when", f"of {rule.name!r}, line {refused.line}, column {refused.column}: {refused.text}"))
        found += ((f"{place}.{where}", f"of {rule.name!r} {why}") for where, why in _rule_faults(rule, document))
    found += _repeated((each.name for each in document.rules), "rules.rules")
    if found:
        raise ApprovalRulesRefused(found)
    return Rules(revision, document, tuple(conditions))


def _sure_failure(condition: Condition) -> Iterator[str]:
    """Yields why a condition fails on all of the samples, where that lies in its arithmetic and not in what the samples happen to hold."""
    failures = []
    for facts in _samples():
        try:
            condition.holds(facts)
        except ConditionFailed as failed:
            failures.append(str(failed))
        else:
            return
    if all(each.endswith("by zero") for each in failures):
        yield f"fails whatever is asked for ({failures[0]}); divide by something that is not always zero"


@cache
def _samples() -> tuple[Facts, ...]:
    impacts = (Impact(), *(Impact("", (), each, each + 0.5, Money(Decimal(each)), 1, each / 100, {}) for each in (1, 7)))
    return tuple(facts_of(ApprovalRequest("flag", "flags/a", "0" * 64, "teams/a", "", "ada", "bo", each))[0] for each in impacts)


def ready(revision: int, document: RulesDocument) -> Rules:
    """Compiles a version that was taken once: what is refused of new ones since then locks nobody out. Raises ConditionRefused."""
    return Rules(revision, document, tuple(LANGUAGE.condition(rule.when) for rule in document.rules))


def check_people(document: RulesDocument) -> None:
    """Raises ApprovalRulesRefused where a name is nobody's, or a person is named twice in one list under different spellings."""
    lists = {f"rules.groups[{number}].members": each.members for number, each in enumerate(document.groups)}
    for number, rule in enumerate(document.rules):
        lists |= {f"rules.rules[{number}].{place}.principals": each.principals for place, each in rule.parts.items()}
    found = [fault for place, names in lists.items() for fault in _name_faults(place, names)]
    if found:
        raise ApprovalRulesRefused(found)


def _name_faults(place: str, names: Iterable[str]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for number, name in enumerate(names):
        person = person_of(name)
        if not person:
            yield f"{place}[{number}]", f"is {name!r}, which names nobody; leave it out"
        elif first.setdefault(person, name) != name:
            yield f"{place}[{number}]", f"is {name!r}, another spelling of {first[person]!r}, and so the same person; name each once"


def check_reasons(document: RulesDocument) -> None:
    """Raises ApprovalRulesRefused where a rule tells approvers nothing. Apart from what makes a version: one made before may be so."""
    mute = [(position, rule.name) for position, rule in enumerate(document.rules) if says_nothing(rule.reason)]
    if mute:
        told = "says nothing; tell approvers in a sentence why they must agree"
        raise ApprovalRulesRefused([(f"rules.rules[{position}].reason", f"of {name!r} {told}") for position, name in mute])


def _group_faults(document: RulesDocument) -> Iterator[Fault]:
    yield from _repeated((each.name for each in document.groups), "rules.groups")


def _repeated(names: Iterable[str], place: str) -> Iterator[Fault]:
    for name, count in Counter(names).items():
        if count > 1:
            yield place, f"have {name!r} {count} times; give each a name of its own"


def _rule_faults(rule: ApprovalRule, document: RulesDocument) -> Iterator[Fault]:
    known = True
    for place, approvers in rule.parts.items():
        unknown = [each for each in approvers.groups if each not in document.members]
        known = known and not unknown
        if unknown:
            yield f"{place}.groups", f"names {', '.join(unknown)}; groups of this document are {', '.join(document.members) or 'none'}"
        if approvers.is_empty:
            yield place, "names nobody; give it roles, principals or groups"
    by_name = known and not rule.approvers.roles and not rule.approvers.is_empty
    if by_name and len(names := names_of(rule.approvers, document.members)) < rule.quorum:
        yield "quorum", f"is {rule.quorum}, and {len(names)} can approve; name more, or ask for fewer"
    yield from _time_faults(rule)


def _time_faults(rule: ApprovalRule) -> Iterator[Fault]:
    for place, span in (rule.waits | {"holds_for": rule.holds_for}).items():
        if not timedelta(0) < span <= LONGEST_WAIT:
            yield place, f"is {span_text(span)}; give it more than nothing and at most {LONGEST_WAIT.days} days"
            return
    if rule.escalation and rule.escalation.after >= rule.expires_after:
        yield (
            "escalation.after",
            f"is {span_text(rule.escalation.after)}, and it expires after {span_text(rule.expires_after)}; escalate before that",
        )
    if rule.hours is None:
        return
    violations = rule.hours.violations("business_hours")
    yield from ((each.field, each.description) for each in violations)
    if not violations and not _ends(rule):
        yield (
            "business_hours",
            f"are so few that its waits would take more than {2 * LONGEST_WAIT.days} days; give more hours or shorter waits",
        )


def _ends(rule: ApprovalRule) -> bool:
    try:
        return rule.after(_SOME_DAY, max(rule.waits.values())) - _SOME_DAY <= 2 * LONGEST_WAIT
    except ValueError:
        return False
