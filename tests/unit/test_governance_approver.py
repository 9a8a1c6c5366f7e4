"""People are compared by one key, however their names are spelled."""

import pytest

from services.governance.domain.approval import ApprovalState
from services.governance.domain.approval_life import Act, Action
from services.governance.domain.approval_rule import ApproverGroup, RulesDocument
from services.governance.domain.approval_rules import check_people, ready, rules_of
from services.governance.domain.approver import Approvers, keys_held_by, keys_of, person_of
from services.governance.domain.errors import ApprovalRulesRefused, AuthorMayNotApprove
from services.governance.storage.approval_rows import approval_to_row
from tests.support.approvals import after, approval, approves, request, rule, somebody

SPELLINGS = ("Alice", "ALICE", " alice", "alice\t", "a lice", "al\u200bice", "\u202ealice", "\uff41lice")


@pytest.mark.parametrize("name", [*SPELLINGS, "ali\u00adce", "alice\ufe0f", "\u3164alice"])
def test_a_name_in_another_spelling_is_the_same_person(name: str) -> None:
    assert person_of(name) == person_of("alice") == "alice"


def test_other_letters_are_other_people() -> None:
    assert len({person_of(each) for each in ("alice", "alicia", "\u0430lice", "alice@x", "\u00e1lice", "alice-1")}) == 6
    assert person_of("STRASSE") == person_of("stra\u00dfe")
    assert person_of("e\u0301va") == person_of("\u00c9va")  # the accent apart, and on its letter


@pytest.mark.parametrize("name", SPELLINGS)
def test_nobody_approves_their_own_request_or_twice_under_another_spelling(name: str) -> None:
    two = rule(quorum=2)
    asked = approval(two, request(author="alice", requester="planning"))
    with pytest.raises(AuthorMayNotApprove):
        after(asked, Act(Action.APPROVE, somebody(name, "approver")))
    once = after(approval(two), *approves(somebody("alice", "approver"), somebody(name, "approver")))
    assert (once.state, len(once.votes), once.lacking) == (ApprovalState.PENDING, 1, 1)


def test_who_asked_withdraws_and_does_not_review_under_another_spelling() -> None:
    assert after(approval(rule()), Act(Action.WITHDRAW, somebody("ADA"))).state is ApprovalState.WITHDRAWN
    row = approval_to_row(after(approval(rule(quorum=2)), *approves(somebody("Bo", "approver"))))
    assert (row["excluded"], row["review_excluded"]) == (["ada", "bo"], ["ada"])


def test_an_approver_who_is_named_is_known_in_any_spelling() -> None:
    keys = keys_of(Approvers(principals=("Bo Li",), groups=("council",)), "", {"council": ("CY",)})
    assert all(keys & keys_held_by(somebody(name)) for name in ("bo li", "BoLi", "cy"))


@pytest.mark.parametrize(
    ("members", "principals", "field", "why"),
    [
        (("bob", "Bob "), (), "rules.groups[0].members[1]", "is 'Bob ', another spelling of 'bob'"),
        (("bob", " "), (), "rules.groups[0].members[1]", "names nobody"),
        (("bob", "\u200b"), (), "rules.groups[0].members[1]", "names nobody"),
        (("bob",), ("cy", "Cy"), "rules.rules[0].approvers.principals[1]", "another spelling of 'cy'"),
        (("bob",), ("\u3164",), "rules.rules[0].approvers.principals[0]", "names nobody"),
    ],
)
def test_names_of_nobody_and_names_given_twice_are_refused_by_field(
    members: tuple[str, ...], principals: tuple[str, ...], field: str, why: str
) -> None:
    named = Approvers(principals=principals, groups=("council",))
    with pytest.raises(ApprovalRulesRefused) as refused:
        check_people(RulesDocument((rule(approvers=named),), (ApproverGroup("council", members),)))
    assert [(each.field, why in each.description) for each in refused.value.violations] == [(field, True)]


def test_a_quorum_counts_people_and_not_spellings_but_rules_made_before_stay_in_force() -> None:
    named = Approvers(principals=("bob",), groups=("council",))
    document = RulesDocument((rule(approvers=named, quorum=2),), (ApproverGroup("council", ("BOB",)),))
    with pytest.raises(ApprovalRulesRefused, match="is 2, and 1 can approve"):
        rules_of(1, document)
    assert ready(1, document).choose(request()).quorum == 2
