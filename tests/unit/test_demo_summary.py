"""What the year's table says of each sprint, and which story is told."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from ballast.governance.v1.lineage_pb2 import LineageEdge
from rich.console import Console

from clients.cli.demo.share import team_lines, weighted_line
from clients.cli.demo.story import choose, shortest_path
from clients.cli.demo.story_text import short_name
from clients.cli.demo.summary import capacities, median_restore, summarise
from clients.cli.demo.table import restore_text, year_table
from tests.support.demo import BASELINE, after, assessment, decision, incident, year

SPRINT = 24 * 14


def test_a_share_holds_from_its_decision_until_the_next() -> None:
    line = team_lines(year(decisions=[decision(5, (None, 0.4)), decision(9, (0.4, 0.4)), decision(20, (0.4, 0.35))]))["network"]
    assert [line.at(after(hour)) for hour in (0, 5, 19, 20)] == [BASELINE, 0.4, 0.4, 0.35]
    assert line.before(after(20)) == 0.4
    assert len(line.moments) == 2


def test_what_nobody_agreed_to_moves_no_share_and_is_not_counted() -> None:
    refused = decision(5, (None, 0.6), at_risk=9000)
    refused.ClearField("in_force_time")
    first, _ = summarise(told := year(decisions=[refused, decision(9, (None, 0.4))]))
    assert [team_lines(told)["network"].at(after(hour)) for hour in (5, 9)] == [BASELINE, 0.4]
    assert (first.raised, first.agreed, str(first.value_at_risk)) == (1, 0, "0.00 USD")
    assert choose(told) is None


def test_a_share_moves_when_others_agreed_and_not_when_it_was_proposed() -> None:
    agreed = decision(5, (None, 0.6))
    agreed.approval = "approvals/1"
    agreed.in_force_time.FromDatetime(after(30))
    told = year(decisions=[agreed])
    assert [team_lines(told)["network"].at(after(hour)) for hour in (5, 29, 30)] == [BASELINE, BASELINE, 0.6]
    assert summarise(told)[0].agreed == 1


def test_the_story_is_rather_of_a_decision_that_others_agreed_to() -> None:
    agreed = decision(2, (None, 0.4), of="2", at_risk=10)
    agreed.approval = "approvals/1"
    told = year(
        [incident("1", 1, 3), incident("2", 2, 4)],
        [assessment("1", 1), assessment("2", 3)],
        [decision(1, (None, 0.4), of="1", at_risk=5000), agreed],
    )
    assert choose(told) == agreed


def test_teams_weigh_by_their_capacity() -> None:
    told = year(decisions=[decision(5, (None, 0.633333), "network"), decision(6, (None, 0.433333), "compute")])
    whole = weighted_line(team_lines(told), capacities(told))
    # Network has 300 of 900 hours, compute 100.
    assert whole.at(after(5)) == pytest.approx(BASELINE + 0.3 * 300 / 900, abs=1e-6)
    assert whole.at(after(6)) == pytest.approx(BASELINE + 0.3 * 300 / 900 + 0.1 * 100 / 900, abs=1e-6)


def test_a_sprint_counts_what_opened_in_it_by_severity() -> None:
    told = year(
        [incident("1", 1, 3), incident("2", 5, 400), incident("3", SPRINT, SPRINT + 1)],
        [assessment("1", 1), assessment("2", 3), assessment("3", 2)],
    )
    first, second = summarise(told)
    assert (first.opened, dict(first.severities), first.grave) == (2, {1: 1, 3: 1}, 1)
    assert (second.opened, second.grave) == (1, 1)


def test_hours_come_from_the_services_records() -> None:
    first, second = summarise(year())
    assert (first.remediation_hours, second.remediation_hours) == (7, 14)


def test_the_biggest_mover_is_named_with_what_fired() -> None:
    told = year(
        decisions=[
            decision(1, (None, 0.38), "data", fired=["open_incidents"]),
            decision(2, (None, 0.48), "network", fired=["incident_frequency", "time_to_restore"]),
        ]
    )
    first, second = summarise(told)
    assert first.mover is not None
    assert (first.mover.team, first.reason) == ("network", "more incidents, slower restore")
    assert (second.mover, second.reason) == (None, "")
    assert second.share_before == second.share_after == first.share_after


def test_a_share_that_only_falls_falls_for_quiet_sprints() -> None:
    told = year(decisions=[decision(1, (None, 0.4)), decision(SPRINT, (0.4, BASELINE))])
    assert summarise(told)[1].reason == "quiet sprints"


def test_value_at_risk_is_the_sum_over_the_decisions_that_raised_the_share() -> None:
    lowered = decision(SPRINT, (0.45, 0.4), at_risk=70)
    first, second = summarise(year(decisions=[decision(1, (None, 0.4), at_risk=1000), decision(2, (0.4, 0.45), at_risk=500), lowered]))
    assert (str(first.value_at_risk), first.displaced, first.raised) == ("1,500.00 USD", ("net-psc",), 2)
    assert (str(second.value_at_risk), second.displaced) == ("0.00 USD", ())


def test_the_median_to_restore_is_a_lower_bound_only_where_open_incidents_may_raise_it() -> None:
    closed = [incident("1", 0, 1), incident("2", 0, 2)]
    sure = median_restore([*closed, incident("3", 0, None)], after(50))
    unsure = median_restore([incident("3", 49, None), incident("4", 0, 3)], after(50))
    assert sure is not None
    assert unsure is not None
    assert (sure.median, sure.at_least) == (timedelta(hours=2), False)
    assert (unsure.median, unsure.at_least) == (timedelta(hours=2), True)
    assert (restore_text(sure), restore_text(unsure), restore_text(None)) == ("2.0 h", "≥ 2.0 h", "–")


def test_the_table_has_a_row_for_each_sprint_and_fits_120_columns() -> None:
    fired = ["incident_frequency", "time_to_restore", "open_incidents"]
    told = year([incident("1", 1, 3)], decisions=[decision(1, (None, 0.48), "foundation", at_risk=2_345_678, fired=fired)])
    drawn = StringIO()
    Console(file=drawn, width=120).print(year_table(summarise(told)))
    lines = drawn.getvalue().splitlines()
    assert max(map(len, lines)) <= 120
    assert sum(line.split()[:1] in (["1"], ["2"]) for line in lines) == 2
    assert "…" not in drawn.getvalue()


def test_the_story_is_of_the_gravest_incident_that_displaced_something() -> None:
    told = year(
        [incident("1", 1, 3), incident("2", 2, 4), incident("3", 3, 5), incident("4", 3, 5)],
        [assessment("1", 1), assessment("2", 2, 60.0), assessment("3", 2, 61.0), assessment("4", 3)],
        [
            decision(1, (None, BASELINE), of="1"),
            decision(2, (None, 0.4), of="2", at_risk=5000),
            decision(3, (0.4, 0.45), of="3", at_risk=700),
            decision(3, (0.4, 0.45), "compute", of="3", at_risk=900),
            decision(4, (0.45, 0.5), of="4", at_risk=9000),
            decision(SPRINT, (0.5, 0.6), at_risk=9000),
        ],
    )
    chosen = choose(told)
    assert chosen is not None
    assert (told.outage_assessed(chosen.assessment), chosen.team) == ("3", "teams/compute")
    assert choose(replace(told, decisions=())) is None


def test_the_path_from_an_alert_to_a_decision_is_a_shortest_one() -> None:
    edges = [
        LineageEdge(from_name=begin, to_name=end) for begin, end in (("a", "i"), ("i", "c"), ("i", "s"), ("s", "x"), ("x", "d"), ("s", "d"))
    ]
    assert [edge.to_name for edge in shortest_path(edges, "a", "d")] == ["i", "s", "d"]
    assert shortest_path(edges, "d", "a") == ()


def test_only_uuids_are_cut_short() -> None:
    assert short_name("incidents/017a0b3c-0000-7000-8000-0123456789ab") == "incidents/…0123456789ab"
    assert short_name("roadmapItems/net-psc") == "roadmapItems/net-psc"
