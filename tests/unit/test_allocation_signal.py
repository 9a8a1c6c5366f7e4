"""What a team's incidents say, against its own history."""

from dataclasses import replace
from datetime import timedelta

from services.allocation.domain.decision import Decision, DecisionTerm
from services.allocation.domain.incident import IncidentFact, teams_to_decide
from tests.support.allocation import TEAM, assessed, boundary, decided, incident, incidents, moment, policy, situation


def term(decision: Decision, name: str) -> DecisionTerm:
    return next(term for term in decision.terms if term.term == name)


def value(decision: Decision, name: str) -> float | None:
    return next((float(each.value) for each in decision.inputs if each.input == name), None)


def quiet_year(sprints: int, each: int = 1) -> list[IncidentFact]:
    return [fact for sprint in range(1, sprints + 1) for fact in incidents(sprint, each)]


def test_more_incidents_than_the_ratio_of_the_teams_own_mean_raise_the_share() -> None:
    found = term(decided(situation(*quiet_year(6, each=2), *incidents(7, 4)), assessed(7)), "incident_frequency")
    assert (found.fired, found.share) == (True, 100_000)
    assert found.reason == "4 incidents in sprint 7 exceed 1.5 × the mean of 2 in the 6 sprints before."


def test_exactly_the_ratio_does_not_fire() -> None:
    found = term(decided(situation(*quiet_year(6, each=2), *incidents(7, 3)), assessed(7)), "incident_frequency")
    assert (found.fired, found.share) == (False, 0)


def test_few_incidents_do_not_fire_however_quiet_the_team_was() -> None:
    found = term(decided(situation(*incidents(7, 2)), assessed(7)), "incident_frequency")
    assert not found.fired
    assert "it takes at least 3" in found.reason


def test_without_an_earlier_sprint_nothing_can_be_compared() -> None:
    decision = decided(situation(*incidents(1, 9)), assessed(1))
    for name in ("incident_frequency", "time_to_restore"):
        assert not term(decision, name).fired
        assert "no earlier sprint" in term(decision, name).reason


def test_sprints_before_the_team_was_known_are_no_history() -> None:
    known_since_now = situation(*incidents(7, 9), observed_since=moment(7, 0.5))
    assert not term(decided(known_since_now, assessed(7)), "incident_frequency").fired
    known_longer = replace(known_since_now, observed_since=moment(6, 0.5))
    assert term(decided(known_longer, assessed(7)), "incident_frequency").fired


def test_history_reaches_back_as_many_sprints_as_the_policy_says() -> None:
    facts = [*incidents(1, 20), *incidents(8, 3)]
    decision = decided(situation(*facts), assessed(8))
    assert value(decision, "incident_mean") == 0
    assert term(decision, "incident_frequency").fired


def test_at_a_boundary_the_sprint_just_ended_is_judged() -> None:
    facts = [*quiet_year(6), *incidents(7, 4)]
    assert term(decided(situation(*facts), boundary(8)), "incident_frequency").fired
    assert not term(decided(situation(*facts), boundary(9)), "incident_frequency").fired


def test_at_the_first_boundary_there_is_nothing_to_judge() -> None:
    decision = decided(situation(), boundary(1))
    assert "nothing to judge" in term(decision, "incident_frequency").reason


def test_milder_incidents_than_the_policy_watches_do_not_count() -> None:
    frequency = policy().incident_frequency
    assert frequency
    grave_only = policy(incident_frequency=replace(frequency, severity_at_most=2))
    decision = decided(situation(*incidents(7, 9, severity=3), policy=grave_only), assessed(7))
    assert value(decision, "incident_count") == 0


def test_a_trigger_the_policy_leaves_out_is_no_term() -> None:
    decision = decided(situation(policy=policy(incident_frequency=None, open_incidents=None)), assessed(2))
    assert [each.term for each in decision.terms] == ["baseline", "time_to_restore"]


def test_slower_restoring_than_the_teams_own_median_raises_the_share() -> None:
    slow = [incident(moment(7, number), hours=10) for number in range(3)]
    decision = decided(situation(*quiet_year(6), *slow), assessed(7))
    found = term(decision, "time_to_restore")
    assert (found.fired, found.share) == (True, 80_000)
    assert (value(decision, "time_to_restore_median"), value(decision, "time_to_restore_history_median")) == (10, 2)


def test_incidents_still_open_count_as_longer_than_so_far() -> None:
    still_open = [incident(moment(7, number), hours=None, severity=4) for number in range(3)]
    decision = decided(situation(*quiet_year(6), *still_open), assessed(7))
    assert term(decision, "time_to_restore").fired
    assert "at least 168 h" in term(decision, "time_to_restore").reason
    assert value(decision, "time_to_restore_median") is None
    assert value(decision, "time_to_restore_median_at_least") == 168


def test_incidents_that_just_began_prove_no_slowness() -> None:
    fresh = [incident(moment(7, 7) - timedelta(hours=1), hours=None, severity=4, incident=f"incidents/{n}") for n in range(3)]
    found = term(decided(situation(*quiet_year(6), *fresh), assessed(7)), "time_to_restore")
    assert not found.fired
    assert "is not known to exceed" in found.reason


def test_too_few_incidents_on_either_side_cannot_tell() -> None:
    slow = [incident(moment(7, number), hours=10) for number in range(3)]
    assert "too few to tell" in term(decided(situation(*quiet_year(2), *slow), assessed(7)), "time_to_restore").reason
    assert "too few to tell" in term(decided(situation(*quiet_year(6), *slow[:2]), assessed(7)), "time_to_restore").reason


def test_an_incident_counts_for_restoring_in_the_sprint_in_which_it_ended() -> None:
    ended_next = [incident(moment(6, 13), hours=48 + number) for number in range(3)]
    decision = decided(situation(*quiet_year(5), *ended_next), boundary(7))
    assert value(decision, "time_to_restore_median_at_least") == 24  # open as sprint 6 ended
    assert value(decided(situation(*quiet_year(5), *ended_next), boundary(8)), "time_to_restore_median") == 49


def test_each_grave_open_incident_adds_up_to_a_limit() -> None:
    for count, share in ((0, 0), (1, 50_000), (3, 150_000), (9, 150_000)):
        found = term(decided(situation(*incidents(3, count, hours=None, severity=2)), assessed(3)), "open_incidents")
        assert (found.share, found.fired) == (share, count > 0)


def test_a_grave_incident_stays_weighed_in_later_sprints_until_it_ends() -> None:
    fact = incident(moment(3), hours=None, severity=1)
    assert term(decided(situation(fact), boundary(5)), "open_incidents").fired
    over = replace(fact, resolved_at=moment(5, 0))
    assert not term(decided(situation(over), boundary(5)), "open_incidents").fired


def test_the_incident_that_is_the_occasion_is_always_weighed() -> None:
    fact = incident(moment(2), hours=None, severity=5)
    only_restore = policy(incident_frequency=None, open_incidents=None, time_to_restore=None)
    decision = decided(situation(fact, incident(moment(2, 3)), policy=only_restore), assessed(2, fact))
    assert [(each.incident, each.open, each.trace_id) for each in decision.incidents] == [(fact.incident, True, "a" * 32)]


def test_weighed_incidents_come_gravest_first() -> None:
    facts = [incident(moment(2, day), hours=None, severity=severity) for day, severity in ((1, 3), (2, 1), (3, 2))]
    assert [each.severity for each in decided(situation(*facts), assessed(2)).incidents] == [1, 2, 3]


def test_an_incident_new_here_is_decided_on_for_all_its_teams() -> None:
    assert teams_to_decide(None, incident(moment(1), teams=("teams/b", "teams/a"), revision=3)) == ("teams/a", "teams/b")


def test_a_later_revision_decides_only_when_severity_changes_or_the_incident_ends() -> None:
    held = incident(moment(1), hours=None, severity=3)
    assert teams_to_decide(held, replace(held, revision=2)) == ()
    assert teams_to_decide(held, replace(held, revision=2, severity=2)) == (TEAM,)
    assert teams_to_decide(held, replace(held, revision=2, resolved_at=moment(2))) == (TEAM,)


def test_a_team_named_only_later_is_decided_on_then() -> None:
    held = incident(moment(1), hours=None)
    assert teams_to_decide(held, replace(held, revision=2, teams=(TEAM, "teams/late"))) == ("teams/late",)


def test_a_revision_not_newer_decides_nothing() -> None:
    held = incident(moment(1), revision=2, severity=3)
    assert teams_to_decide(held, replace(held, severity=1)) == ()
    assert teams_to_decide(held, replace(held, revision=1, severity=1)) == ()


def test_the_teams_of_an_incident_that_now_concerns_nobody_are_decided_on_when_it_ends() -> None:
    held = incident(moment(1), hours=None)
    assert teams_to_decide(held, replace(held, revision=2, teams=(), resolved_at=moment(2))) == (TEAM,)
