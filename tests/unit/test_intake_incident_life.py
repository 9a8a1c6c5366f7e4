"""The life of an incident: where each action leads from each state, and what holds after any number of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.errors import AlertsFiring, IncidentMerged, IncidentResolved
from services.intake.domain.evidence import NO_EVIDENCE
from services.intake.domain.incident import (
    AlertsJoined,
    Assignment,
    Attribution,
    Cause,
    Incident,
    IncidentKind,
    IncidentState,
    Rating,
    Role,
    Severity,
    join,
)
from services.intake.domain.incident_life import (
    Action,
    Declaration,
    acknowledge,
    assign,
    attribute,
    declare,
    holder,
    mitigate,
    next_state,
    rate,
    reopen,
    resolve,
)
from services.intake.domain.shaping import Tally, left_over, merge_incidents, split_incident, split_off
from shared.errors import BallastError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OPEN, ACKNOWLEDGED, MITIGATED, RESOLVED = (
    IncidentState.OPEN,
    IncidentState.ACKNOWLEDGED,
    IncidentState.MITIGATED,
    IncidentState.RESOLVED,
)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def declared(**changes: Any) -> Incident:
    """A declared incident of web, open since 9:00."""
    made = declare(Declaration("web  is\tdown", "", ("web",), NOW, None, "ada"), UUID(int=1), NOW)
    return replace(made, **changes)


def standing(state: IncidentState, *, taken: bool = False) -> Incident:
    times: dict[IncidentState, dict[str, Any]] = {
        OPEN: {},
        ACKNOWLEDGED: {"acknowledged_at": at(1)},
        MITIGATED: {"acknowledged_at": at(1), "mitigated_at": at(2)},
        RESOLVED: {"resolved_at": at(3), "acknowledged_at": at(1) if taken else None},
    }
    return declared(state=state, **times[state])


EXPECTED: dict[tuple[IncidentState, Action], IncidentState | None] = {
    (OPEN, Action.ACKNOWLEDGE): ACKNOWLEDGED,
    (OPEN, Action.MITIGATE): MITIGATED,
    (OPEN, Action.RESOLVE): RESOLVED,
    (OPEN, Action.REOPEN): OPEN,
    (ACKNOWLEDGED, Action.ACKNOWLEDGE): ACKNOWLEDGED,
    (ACKNOWLEDGED, Action.MITIGATE): MITIGATED,
    (ACKNOWLEDGED, Action.RESOLVE): RESOLVED,
    (ACKNOWLEDGED, Action.REOPEN): ACKNOWLEDGED,
    (MITIGATED, Action.ACKNOWLEDGE): MITIGATED,
    (MITIGATED, Action.MITIGATE): MITIGATED,
    (MITIGATED, Action.RESOLVE): RESOLVED,
    (MITIGATED, Action.REOPEN): ACKNOWLEDGED,
    (RESOLVED, Action.ACKNOWLEDGE): None,
    (RESOLVED, Action.MITIGATE): None,
    (RESOLVED, Action.RESOLVE): RESOLVED,
    (RESOLVED, Action.REOPEN): OPEN,
}
APPLY: dict[Action, Callable[[Incident], Incident]] = {
    Action.ACKNOWLEDGE: lambda each: acknowledge(each, at(5), at(6)),
    Action.MITIGATE: lambda each: mitigate(each, at(5), at(6)),
    Action.RESOLVE: lambda each: resolve(each, at(5), at(6), force=False),
    Action.REOPEN: lambda each: reopen(each, at(6)),
}


def test_every_state_has_an_answer_to_every_action() -> None:
    assert set(EXPECTED) == {(state, action) for state in IncidentState for action in Action}


@pytest.mark.parametrize(("state", "action"), list(EXPECTED))
def test_each_action_leads_from_each_state_where_it_should(state: IncidentState, action: Action) -> None:
    before, expected = standing(state), EXPECTED[state, action]
    if expected is None:
        with pytest.raises(IncidentResolved, match="or reopen it"):
            APPLY[action](before)
        return
    after = APPLY[action](before)
    assert after.state is expected
    if expected is state:
        assert after is before
    else:
        assert (after.version, after.updated_at) == (before.version + 1, at(6))


@pytest.mark.parametrize(("state", "action"), list(EXPECTED))
def test_a_merged_incident_refuses_every_action_and_names_the_one_that_stays(state: IncidentState, action: Action) -> None:
    with pytest.raises(IncidentMerged) as refused:
        next_state(replace(standing(state), merged_into=UUID(int=9)), action)
    assert refused.value.metadata["merged_into"] == f"incidents/{UUID(int=9)}"


def test_what_was_taken_stays_taken_when_it_is_reopened() -> None:
    assert reopen(standing(RESOLVED, taken=True), at(6)).state is ACKNOWLEDGED
    assert reopen(standing(RESOLVED), at(6)).state is OPEN


def test_reopened_it_is_as_if_it_had_been_neither_mitigated_nor_resolved() -> None:
    over = replace(standing(RESOLVED), mitigated_at=at(2))
    after = reopen(over, at(6))
    assert (after.resolved_at, after.mitigated_at, after.shaped) == (None, None, True)


def test_mitigating_takes_it_where_nobody_had() -> None:
    assert mitigate(standing(OPEN), at(5), at(6)).acknowledged_at == at(5)
    assert mitigate(standing(ACKNOWLEDGED), at(5), at(6)).acknowledged_at == at(1)


def test_it_is_not_mitigated_before_it_was_taken_or_began() -> None:
    assert mitigate(standing(ACKNOWLEDGED), at(-5), at(6)).mitigated_at == at(1)
    assert mitigate(standing(OPEN), at(-5), at(6)).mitigated_at == NOW


@pytest.mark.parametrize("state", [OPEN, ACKNOWLEDGED, MITIGATED])
def test_firing_alerts_guard_the_end_from_every_state(state: IncidentState) -> None:
    firing = replace(standing(state), alert_count=1, firing_count=1)
    with pytest.raises(AlertsFiring):
        resolve(firing, at(5), at(6), force=False)
    assert resolve(firing, at(5), at(6), force=True).state is RESOLVED


def test_only_an_end_by_force_is_a_decision_about_what_is_in_it() -> None:
    plain = replace(declared(), shaped=False)
    assert not resolve(plain, at(5), at(6), force=True).shaped
    assert resolve(replace(plain, firing_count=1), at(5), at(6), force=True).shaped


def test_a_declared_incident_is_in_a_group_of_its_own_and_names_its_components_once() -> None:
    made = declare(Declaration(" web  is\tdown ", "s", ("web", "components/db", "components/web"), at(-9), None, "ada"), UUID(int=1), NOW)
    assert (made.title, made.components, made.group_key) == ("web is down", ("db", "web"), f"declared:{UUID(int=1)}")
    assert (made.kind, made.version, made.alert_count, made.opened_at, made.shaped) == (IncidentKind.DECLARED, 1, 0, at(-9), True)


def assignment(person: str, role: Role = Role.COMMANDER) -> Assignment:
    return Assignment(role, person, "ada", NOW)


def test_each_role_has_one_holder_and_roles_keep_their_order() -> None:
    first = assign(declared(), Role.SCRIBE, assignment("lin", Role.SCRIBE), NOW)
    both = assign(first, Role.COMMANDER, assignment("ada"), NOW)
    assert [each.person for each in both.roles] == ["ada", "lin"]
    passed = assign(both, Role.COMMANDER, assignment("grace"), NOW)
    assert [each.person for each in passed.roles] == ["grace", "lin"]
    assert holder(assign(passed, Role.COMMANDER, None, NOW), Role.COMMANDER) is None


def test_the_same_person_again_changes_nothing_and_neither_does_taking_back_from_nobody() -> None:
    taken = assign(declared(), Role.COMMANDER, assignment("ada"), NOW)
    assert assign(taken, Role.COMMANDER, replace(assignment("ada"), at=at(9)), at(9)) is taken
    assert assign(taken, Role.LIAISON, None, at(9)) is taken


def test_the_same_severity_or_cause_again_changes_nothing() -> None:
    rated = rate(declared(), Rating(Severity.SEV2, "r", "ada", NOW), NOW)
    assert rate(rated, Rating(Severity.SEV2, "other words", "lin", at(1)), at(1)) is rated
    assert rate(declared(), None, NOW).version == 1
    said = Attribution(Cause.PLATFORM, 0.5, "", "n", "ada", NOW)
    known = attribute(declared(), said, NOW)
    assert attribute(known, replace(said, by="lin", at=at(1)), at(1)) is known
    assert attribute(known, replace(said, confidence=0.6), at(1)).version == known.version + 1
    assert attribute(known, None, at(1)).attribution is None


# Any sequence.

Step = Callable[[Incident, datetime], Incident]
_minutes = st.integers(-30, 90)


def _joined(incident: Incident, opened: int, resolved: int, minute: int, now: datetime) -> Incident:
    if incident.merged_into:
        return incident  # no alert joins what was merged: its alerts and groups went
    ended = min(resolved, incident.firing_count + opened)
    start = at(minute) if opened else None
    # An alert does not end before it began, nor its incident begin after it.
    end = max(at(minute + 5), incident.opened_at) if ended else None
    return join(incident, AlertsJoined(opened, ended, (), NO_EVIDENCE, start, end, start), now)


def _merged(incident: Incident, now: datetime) -> Incident:
    other = replace(declared(), id=UUID(int=2), opened_at=at(-20), alert_count=2, firing_count=1)
    return merge_incidents(incident, [other], now, now)[0]


def _taken_over(incident: Incident, now: datetime) -> Incident:
    return merge_incidents(replace(declared(), id=UUID(int=2)), [incident], now, now)[1][0]


def _halved(incident: Incident, which: int, now: datetime) -> Incident:
    """Splits off half of the alerts, and goes on with the old incident or with the new one."""
    count, firing = incident.alert_count // 2, min(incident.firing_count, incident.alert_count // 2)
    rest, rest_firing = incident.alert_count - count, incident.firing_count - firing
    moved = Tally(count, firing, at(3), at(4), at(8) if count > firing else None, (), NO_EVIDENCE)
    kept = Tally(rest, rest_firing, at(6), at(6), at(9) if rest > rest_firing else None, (), NO_EVIDENCE)
    new = split_incident(incident, "", UUID(int=3), now)
    if not count:
        return incident
    # The new one counts its own versions from 1.
    return left_over(incident, kept, moved, now) if which else replace(split_off(new, moved, now), version=incident.version + 1)


_steps: st.SearchStrategy[Step] = st.one_of(
    _minutes.map(lambda minute: lambda each, now: acknowledge(each, at(minute), now)),
    _minutes.map(lambda minute: lambda each, now: mitigate(each, at(minute), now)),
    st.tuples(_minutes, st.booleans()).map(lambda drawn: lambda each, now: resolve(each, at(drawn[0]), now, force=drawn[1])),
    st.just(reopen),
    st.sampled_from(["ada", "lin", ""]).map(
        lambda who: lambda each, now: assign(each, Role.DEPUTY, assignment(who, Role.DEPUTY) if who else None, now)
    ),
    st.sampled_from([*Severity, None]).map(
        lambda severity: lambda each, now: rate(each, Rating(severity, "r", "ada", now) if severity else None, now)
    ),
    st.sampled_from([*Cause, None]).map(
        lambda cause: lambda each, now: attribute(each, Attribution(cause, 0.5, "", "", "ada", now) if cause else None, now)
    ),
    st.tuples(st.integers(0, 3), st.integers(0, 3), _minutes).map(lambda drawn: lambda each, now: _joined(each, *drawn, now)),
    st.just(_merged),
    st.just(_taken_over),
    st.integers(0, 1).map(lambda which: lambda each, now: _halved(each, which, now)),
)


@given(st.lists(_steps, max_size=25))
def test_any_sequence_of_actions_leaves_an_incident_in_order(steps: list[Step]) -> None:
    incident = declared()
    for number, step in enumerate(steps):
        before = incident
        try:
            incident = step(before, at(100 + number))
        except BallastError:
            continue
        assert incident.version == before.version + (incident != before)
        assert 0 <= incident.firing_count <= incident.alert_count
        for time in (incident.acknowledged_at, incident.mitigated_at, incident.resolved_at):
            assert time is None or time >= incident.opened_at
        assert (incident.resolved_at is not None) == (incident.state is RESOLVED)
        assert incident.state not in {ACKNOWLEDGED, MITIGATED} or incident.acknowledged_at
        assert incident.state is not MITIGATED or incident.mitigated_at
        assert incident.merged_into is None or (incident.state is RESOLVED and incident.alert_count == 0)
        assert len({each.role for each in incident.roles}) == len(incident.roles)
