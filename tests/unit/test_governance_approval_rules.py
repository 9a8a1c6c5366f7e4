"""Approval rules: which one counts, what refuses a document, and the rules that there are from the start."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.approval_defaults import default_rules
from services.governance.domain.approval_facts import FACTS, LANGUAGE, facts_of
from services.governance.domain.approval_life import Act, Action
from services.governance.domain.approval_request import ApprovalRequest, Impact
from services.governance.domain.approval_rule import ApprovalRule, ApproverGroup, BreakGlass, Escalation, RulesDocument
from services.governance.domain.approval_rules import rules_of
from services.governance.domain.approval_trial import try_rules
from services.governance.domain.approver import Approvers, keys_held_by, keys_of
from services.governance.domain.errors import ApprovalRulesRefused, RuleMissing, RuleUndecided
from services.governance.storage.approval_rows import approval_from_row, approval_to_row
from services.governance.storage.approval_rule_rows import document_from_json, document_to_json
from shared.business_hours_text import holidays_from_text, hours_from_text
from shared.money import Money
from tests.conftest import START
from tests.support.approvals import DAY, HOUR, after, approval, approves, closes, request, rule, somebody

DEFAULTS = rules_of(1, default_rules())
NOBODY = Approvers()


def chosen(when: str, asked: ApprovalRequest) -> bool:
    return rules_of(1, RulesDocument((rule(when=when), rule(name="rest")))).choose(asked).name == "one"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (request(kind="severity-matrix"), "policies"),
        (request(kind="allocation-policy", impact=Impact()), "policies"),
        (request(kind="flag"), "anything-else"),
        (request(kind="decision"), "high-impact"),  # nobody looked ahead
        (request(kind="decision", impact=Impact(displaced_items=3, delay_days=10.0)), "anything-else"),
        (request(kind="decision", impact=Impact(displaced_items=4)), "high-impact"),
        (request(kind="severity-matrix", impact=Impact(delay_days=10.5)), "high-impact"),
        (request(impact=Impact(value_at_risk=Money(50_001))), "high-impact"),  # type: ignore[arg-type]  # Money makes it a Decimal
        (request(impact=Impact(remediation_share_change=-0.25)), "high-impact"),
    ],
)
def test_from_the_start_what_hurts_needs_two_and_everything_else_one(asked: ApprovalRequest, name: str) -> None:
    found = DEFAULTS.choose(asked)
    assert (found.name, found.quorum, found.author_may_approve) == (name, 2 if name == "high-impact" else 1, False)


def test_from_the_start_an_emergency_is_reviewed_in_two_business_days() -> None:
    for each in DEFAULTS.document.rules:
        assert each.break_glass is not None
        friday_noon = START + 4 * DAY + 3 * HOUR
        assert each.after(friday_noon, each.break_glass.review_within) == friday_noon + 4 * DAY


def test_the_first_rule_that_applies_counts() -> None:
    rules = rules_of(1, RulesDocument((rule(name="a", when='kind == "flag"'), rule(name="b"), rule(name="c"))))
    assert [rules.choose(request(kind=each)).name for each in ("flag", "other")] == ["a", "b"]


@pytest.mark.parametrize(
    ("when", "asked", "applies"),
    [
        ('subject.startsWith("flags/") && team == "core"', request(), True),
        ('team == ""', request(team=""), True),
        ("emergency", request(break_glass_reason="Now."), True),
        ("emergency", request(), False),
        ('author == "ada" && requester == "triage"', request(requester="triage"), True),
        ("impact.severity <= 2", request(impact=Impact(severity=1)), True),
        ('"impact.severity" in missing', request(impact=Impact()), True),
        ('"incidents" in impact.measures && impact.measures["incidents"] > 3.0', request(impact=Impact(measures={"incidents": 4})), True),
        ('"incidents" in impact.measures && impact.measures["incidents"] > 3.0', request(impact=Impact()), False),
        ("impact.known && impact.displaced_items > 3", request(), False),
        ('impact.currency == "EUR"', request(impact=Impact(value_at_risk=Money(1, "EUR"))), True),  # type: ignore[arg-type]
    ],
)
def test_conditions_read_what_is_asked_for(when: str, asked: ApprovalRequest, applies: bool) -> None:
    assert chosen(when, asked) is applies


def test_a_rule_that_reads_what_is_unknown_refuses_the_request_rather_than_being_passed_over() -> None:
    with pytest.raises(RuleUndecided, match=r"the rule 'one' reads impact\.displaced_items, which the request does not tell") as refused:
        chosen("impact.displaced_items > 3", request())
    assert (refused.value.violations[0].field, refused.value.metadata) == ("impact", {"rule": "one"})


@pytest.mark.parametrize("when", ['impact.measures["nothing"] > 3.0', "10 / impact.displaced_items > 1"])
def test_a_rule_that_fails_is_named_and_whoever_keeps_the_rules_is_told_to_mend_it(when: str) -> None:
    with pytest.raises(RuleUndecided, match=r"the approval rule 'one' failed .* whoever keeps the approval rules must mend it") as refused:
        chosen(when, request(impact=Impact()))
    assert (refused.value.violations, refused.value.metadata) == ((), {"rule": "one"})


def test_what_no_rule_applies_to_cannot_be_approved() -> None:
    with pytest.raises(RuleMissing, match="no rule of version 7 of the approval rules applies to 'flag'"):
        rules_of(7, RulesDocument((rule(when="false"),))).choose(request())


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({"when": "kind == 1"}, "rules.rules[0].when", r"of 'one', line 1, column 6: .*compare each fact"),
        ({"when": "sev > 1"}, "rules.rules[0].when", "undeclared reference"),
        ({"when": "kind"}, "rules.rules[0].when", "gives a string"),
        ({"when": "1/0 > 1"}, "rules.rules[0].when", r"of 'one' fails whatever is asked for \(divide by zero\)"),
        ({"when": "impact.displaced_items % 0 == 1"}, "rules.rules[0].when", "fails whatever is asked for"),
        ({"when": "has(impact.severity) && impact.severity < 2"}, "rules.rules[0].when", r'"impact.severity" in missing'),
        ({"when": "has(impact.severity)"}, "rules.rules[0].when", r'"impact.severity" in missing'),
        ({"approvers": NOBODY}, "rules.rules[0].approvers", "names nobody"),
        ({"approvers": Approvers(groups=("none",))}, "rules.rules[0].approvers.groups", "names none; groups of this document are council"),
        ({"approvers": Approvers(principals=("bo",)), "quorum": 2}, "rules.rules[0].quorum", "is 2, and 1 can approve"),
        ({"approvers": Approvers(principals=("bo",), groups=("council",)), "quorum": 3}, "rules.rules[0].quorum", "is 3, and 2 can"),
        ({"escalation": Escalation(HOUR, NOBODY)}, "rules.rules[0].escalation.approvers", "names nobody"),
        ({"escalation": Escalation(10 * HOUR, Approvers(roles=("admin",)))}, "rules.rules[0].escalation.after", "escalate before that"),
        ({"break_glass": BreakGlass(NOBODY, HOUR)}, "rules.rules[0].break_glass.allowed", "names nobody"),
        (
            {"break_glass": BreakGlass(Approvers(roles=("admin",)), 0 * HOUR)},
            "rules.rules[0].break_glass.review_within",
            "more than nothing",
        ),
        ({"expires_after": 0 * HOUR}, "rules.rules[0].expires_after", "more than nothing"),
        ({"expires_after": -HOUR / 3600}, "rules.rules[0].expires_after", "is -1 s; give it more than nothing"),
        (
            {"escalation": Escalation(DAY + 2 * HOUR, Approvers(roles=("admin",)))},
            "rules.rules[0].escalation.after",
            "is 1 d 2 h, and it expires after 10 h",
        ),
        ({"holds_for": 367 * DAY}, "rules.rules[0].holds_for", "at most 366 days"),
        ({"hours": hours_from_text("Mon 09:00-09:01 UTC"), "expires_after": DAY}, "rules.rules[0].business_hours", "are so few"),
    ],
)
def test_a_document_that_cannot_be_in_force_is_refused_by_field_and_rule(fields: dict[str, Any], field: str, why: str) -> None:
    document = RulesDocument((rule(**fields),), (ApproverGroup("council", ("bo", "cy")),))
    with pytest.raises(ApprovalRulesRefused, match=why) as refused:
        rules_of(1, document)
    assert field in [each.field for each in refused.value.violations]


def test_everything_wrong_is_told_at_once() -> None:
    document = RulesDocument((rule(when="x"), rule(when="y")), (ApproverGroup("a", ("bo",)), ApproverGroup("a", ("cy",))))
    with pytest.raises(ApprovalRulesRefused) as refused:
        rules_of(1, document)
    assert [each.field for each in refused.value.violations] == [
        "rules.groups",
        "rules.rules[0].when",
        "rules.rules[1].when",
        "rules.rules",
    ]


@given(st.text(max_size=60))
def test_any_condition_is_taken_or_refused(when: str) -> None:
    with contextlib.suppress(ApprovalRulesRefused):
        assert rules_of(1, RulesDocument((rule(when=when),))).conditions


def test_a_role_counts_for_its_team_or_for_all() -> None:
    approvers = Approvers(roles=("approver",), principals=("bo",))
    of_core, of_all = keys_of(approvers, "teams/core", {}), keys_of(approvers, "", {})
    assert of_core == {"approver@teams/core", "approver@*", "is:bo"}
    assert of_all == {"approver@*", "is:bo"}
    assert keys_held_by(somebody("cy", "admin@teams/core")) & of_core == {"approver@teams/core"}
    assert not keys_held_by(somebody("cy", "admin@teams/core")) & of_all
    assert not keys_held_by(somebody("approver@*")) & of_core  # a name is no role


def test_a_trial_says_what_would_have_stood_under_another_rule() -> None:
    past = [approval(rule(name="old", quorum=2), request(kind=kind)) for kind in ("flag", "decision", "budget")]
    tried = rules_of(0, RulesDocument((rule(name="old", when='kind == "flag"', quorum=2), rule(name="new", when='kind == "decision"'))))
    trial = try_rules(tried, past)
    assert (trial.approvals, trial.counts) == (3, (("old", 1), ("new", 1)))
    assert [(each.approval.request.kind, each.after.name if each.after else None) for each in trial.changes] == [
        ("decision", "new"),
        ("budget", None),
    ]
    assert "no rule of version 0" in trial.changes[1].refusal


FULL = rule(
    approvers=Approvers(("approver",), "teams/web", ("bo",), ("council",)),
    author_may_approve=True,
    escalation=Escalation(timedelta(hours=1), Approvers(("admin",), "*")),
    break_glass=BreakGlass(Approvers(groups=("council",)), 5 * HOUR),
    hours=hours_from_text("Mon-Wed,Fri 09:30-24:00 Europe/Berlin", holidays_from_text("2026-12-25")),
)


@pytest.mark.parametrize("each", [rule(), FULL, *default_rules().rules])
def test_rules_are_stored_as_they_are(each: ApprovalRule) -> None:
    document = RulesDocument((each,), (ApproverGroup("z", ("bo",)), ApproverGroup("council", ("cy", "bo"))))
    assert document_from_json(document_to_json(document)) == document


def test_approvals_are_stored_as_they_are() -> None:
    document = RulesDocument((FULL,), (ApproverGroup("council", ("eve", "gil")),))
    measured = Impact("s", ("f",), 1, 0.5, Money(2, "EUR"), 3, -0.1, {"x": 1.0})  # type: ignore[arg-type]
    waiting = approval(FULL, request(impact=measured, break_glass_reason="Now."), document)
    voted = after(waiting, *approves(somebody("bo")))
    acting = after(waiting, Act(Action.BREAK_GLASS, somebody("eve"), "Now."))
    for each in (waiting, voted, acting, after(acting, closes(somebody("bo")))):
        row = type("Row", (), approval_to_row(each))
        assert approval_from_row(row) == each


def test_the_language_knows_each_fact_and_gives_each_its_type() -> None:
    facts, unknown = facts_of(request(impact=Impact(severity=1, value_at_risk=Money(1))))  # type: ignore[arg-type]
    assert not unknown
    literals = {"string": '""', "int": "0", "double": "0.0", "bool": "false"}
    for each in FACTS:
        name = str(each.type.name()).lower()
        text = f"{each.name} == {literals[name]} || true" if name in literals else f"size({each.name}) >= 0"
        assert LANGUAGE.condition(text).holds(facts) is True
