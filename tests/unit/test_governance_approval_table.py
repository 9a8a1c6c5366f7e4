"""Every rule, every principal, every state, every act: who may do what, written out by hand beside the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from services.governance.domain.approval import Approval, ApprovalState, ReviewOutcome
from services.governance.domain.approval_defaults import default_rules
from services.governance.domain.approval_life import Act, Action, acted
from services.governance.domain.approval_rule import ApprovalRule, ApproverGroup, BreakGlass, Escalation, RulesDocument
from services.governance.domain.approver import Approvers
from shared.errors import BallastError
from shared.principal import Principal
from tests.conftest import START
from tests.support.approvals import HOUR, after, approval, closes, request, rule, somebody

PEOPLE = {
    each.name: each
    for each in (
        somebody("ada", "admin"),  # the author, who has every role
        somebody("triage", "admin", "service"),  # who asked on the author's behalf
        somebody("approver-core", "approver@teams/core"),
        somebody("approver-web", "approver@teams/web"),
        somebody("approver-all", "approver"),
        somebody("admin-core", "admin@teams/core"),
        somebody("admin-all", "admin"),
        somebody("planner-core", "planner@teams/core"),
        somebody("responder-all", "responder"),
        somebody("viewer-all", "viewer"),
        somebody("a-service", "service"),
        somebody("named"),
        somebody("member"),
        somebody("late", "viewer"),
    )
}
PARTIES = {"ada", "triage"}
CORE_APPROVERS = {"approver-core", "approver-all", "admin-core", "admin-all"}
CORE_DOERS = PARTIES | CORE_APPROVERS | {"planner-core", "responder-all"}
APPROVERS = Approvers(roles=("approver",))
GLASS = BreakGlass(Approvers(roles=("responder", "planner")), 5 * HOUR)
DONE, NOTHING, REFUSED = "done", "nothing", "refused"
GROUPS = (ApproverGroup("council", ("member", "ada")), ApproverGroup("night", ("late",)))


@dataclass(frozen=True)
class Case:
    """A rule, and by hand who may approve it, who once it is late as well, and who may break the glass."""

    rule: ApprovalRule
    approve: set[str]
    late: set[str]
    break_glass: set[str]


def cases() -> Iterator[Case]:
    for each in default_rules().rules:
        yield Case(each, CORE_APPROVERS, set(), CORE_DOERS)  # who may be escalated to, admins for all teams, may from the start
    yield Case(rule(name="author-too", author_may_approve=True, break_glass=GLASS), CORE_APPROVERS | PARTIES, set(), CORE_DOERS)
    yield Case(rule(name="no-glass", quorum=2), CORE_APPROVERS, set(), set())
    named = Approvers(principals=("named", "ada"), groups=("council",))
    night = Escalation(4 * HOUR, Approvers(groups=("night",)))
    yield Case(rule(name="named", approvers=named, escalation=night), {"named", "member"}, {"late"}, set())
    web, every = Approvers(roles=("approver",), team="teams/web"), Approvers(roles=("approver",), team="*")
    for_web = Case(rule(name="web", approvers=web, escalation=Escalation(HOUR, APPROVERS)), {"approver-web"}, CORE_APPROVERS, set())
    yield Case(for_web.rule, for_web.approve | {"approver-all", "admin-all"}, for_web.late, set())
    alone = BreakGlass(Approvers(principals=("a-service",)), 5 * HOUR)
    yield Case(rule(name="all", approvers=every, break_glass=alone), {"approver-all", "admin-all"}, set(), {"a-service"})
    planners = Approvers(roles=("planner",))
    yield Case(rule(name="planners", approvers=planners), CORE_APPROVERS | {"planner-core"}, set(), set())


CASES = {each.rule.name: each for each in cases()}
# Which acts each situation knows, by hand; the state follows from what is done below.
SITUATIONS = {
    "waiting": {Action.APPROVE, Action.REJECT, Action.WITHDRAW, Action.BREAK_GLASS},
    "escalated": {Action.APPROVE, Action.REJECT, Action.WITHDRAW, Action.BREAK_GLASS},
    "approved": {Action.REJECT, Action.WITHDRAW},
    "rejected": set[Action](),
    "withdrawn": set[Action](),
    "expired": set[Action](),
    "expired after approval": set[Action](),
    "emergency": {Action.CLOSE_REVIEW},
    "overdue": {Action.CLOSE_REVIEW},
    "reviewed": set[Action](),
    "faulted": set[Action](),
}


def put(case: Case, situation: str) -> tuple[Approval, datetime, Principal | None]:
    """Returns an approval in the situation, a moment in it, and who broke the glass; by people whom no test below asks."""
    found = waiting(case.rule)
    soon = START + HOUR / 2
    match situation:
        case "waiting":
            return found, soon, None
        case "escalated":
            return found, (found.escalates_at or soon), None
        case "withdrawn":
            return after(found, Act(Action.WITHDRAW, PEOPLE["ada"])), soon, None
        case "expired":
            assert found.expires_at is not None
            return found, found.expires_at, None
        case "rejected":
            return after(found, Act(Action.REJECT, judge_of(case))), soon, None
    if situation in {"approved", "expired after approval"}:
        found = after(found, *(Act(Action.APPROVE, each) for each in judges_of(case)))
        assert found.state is ApprovalState.APPROVED
        assert found.expires_at is not None
        return found, found.expires_at if situation == "expired after approval" else soon, None
    breaker = PEOPLE[min(case.break_glass - PARTIES)]
    found = after(found, Act(Action.BREAK_GLASS, breaker, "Now."))
    assert found.glass is not None
    if situation == "overdue":
        return found, found.glass.review_due_at, breaker
    if situation in {"reviewed", "faulted"}:
        found = after(found, closes(judge_of(case), ReviewOutcome.UPHELD if situation == "reviewed" else ReviewOutcome.FAULTED))
    return found, soon, breaker


def waiting(of: ApprovalRule) -> Approval:
    everybody = RulesDocument((of,), GROUPS)
    return approval(of, request(requester="triage"), everybody)


def judge_of(case: Case) -> Principal:
    return judges_of(case)[-1]


def judges_of(case: Case) -> list[Principal]:
    """Returns as many who may approve as it takes; never a party, never who breaks the glass."""
    breaker = min(case.break_glass - PARTIES, default="")
    return [PEOPLE[each] for each in sorted(case.approve - PARTIES - {breaker}, reverse=True)][: case.rule.quorum]


def expected(case: Case, situation: str, person: str, action: Action, breaker: Principal | None) -> bool:
    if action not in SITUATIONS[situation]:
        return False
    match action:
        case Action.WITHDRAW:
            return person in PARTIES
        case Action.BREAK_GLASS:
            return person in case.break_glass
        case Action.CLOSE_REVIEW:
            may = case.approve | (case.late if situation == "overdue" else set())
            return person in may - PARTIES - ({breaker.name} if breaker else set())
    return person in case.approve | (case.late if situation == "escalated" else set())


ROWS = [
    (name, situation)
    for name, case in CASES.items()
    for situation in SITUATIONS
    if case.break_glass or situation not in {"emergency", "overdue", "reviewed", "faulted"}
]


@pytest.mark.parametrize(("name", "situation"), ROWS, ids=[f"{name}-{situation}" for name, situation in ROWS])
def test_who_may_do_what_is_as_written_here(name: str, situation: str) -> None:
    case = CASES[name]
    found, now, breaker = put(case, situation)
    for person, principal in PEOPLE.items():
        for action in (Action.APPROVE, Action.REJECT, Action.WITHDRAW, Action.BREAK_GLASS, Action.CLOSE_REVIEW):
            allowed = expected(case, situation, person, action, breaker)
            voted = situation == "approved" and action is Action.APPROVE and person in found.approvers
            # Who approved already is answered with what there is, and changes nothing.
            assert answer(found, principal, action, now) == (DONE if allowed else NOTHING if voted else REFUSED), f"{person}: {action}"


def answer(found: Approval, principal: Principal, action: Action, now: datetime) -> str:
    outcome = ReviewOutcome.UPHELD if action is Action.CLOSE_REVIEW else None
    try:
        return DONE if acted(found, Act(action, principal, "Because.", outcome), now) else NOTHING
    except BallastError as refused:
        return REFUSED if refused.message and refused.reason.isupper() else refused.message


def test_the_table_above_knows_all_there_is() -> None:
    states = {put(CASES["high-impact"], each)[0].state for each in SITUATIONS}
    assert states == set(ApprovalState) - {ApprovalState.EXPIRED}  # which time alone makes of the others
    assert len(ROWS) * len(PEOPLE) * 5 > 3_000
