"""Dry runs: the incidents rules would have made, how two groupings differ, and which rules do nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.dependency import ComponentGraph, graph_of
from services.intake.domain.grouping_trial import TriedAlert, TriedIncident, trial_of
from services.intake.domain.regrouping import RegroupingKind, difference
from services.intake.domain.rule_use import RuleUse, UnusedReason, unused
from tests.support.grouping import ruling

compiling = settings(deadline=None)  # how long a condition takes to compile says nothing of the rules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alert(number: int, begin: float, end: float | None = None, summary: str = "", **labels: str) -> TriedAlert:
    """Builds an alert; times in minutes after NOON."""
    begins = NOON + timedelta(minutes=begin)
    ends = None if end is None else NOON + timedelta(minutes=end)
    return TriedAlert(UUID(int=number), f"{number:032x}", "test", labels, {"summary": summary} if summary else {}, begins, ends)


def grouped(rule: str, *alerts: TriedAlert, graph: ComponentGraph | None = None) -> list[tuple[int, ...]]:
    """Returns which alerts come together by one rule."""
    found = trial_of(ruling(rule), alerts, graph or graph_of({}), "component").incidents
    return [tuple(sorted(each.alerts)) for each in found]


def test_alerts_of_one_group_that_overlap_are_one_incident() -> None:
    assert grouped("name: a, quiet_period: 0s", alert(0, 0, 10, component="web"), alert(1, 5, 20, component="web")) == [(0, 1)]


def test_an_alert_within_the_quiet_period_rejoins_and_a_later_one_does_not() -> None:
    within, beyond = alert(1, 15, 16, component="web"), alert(2, 22, 23, component="web")
    assert grouped("name: a, quiet_period: 5m", alert(0, 0, 10, component="web"), within, beyond) == [(0, 1), (2,)]


def test_an_incident_with_a_firing_alert_takes_all_that_follow() -> None:
    assert grouped("name: a, quiet_period: 0s", alert(0, 0, component="web"), alert(1, 600, component="web")) == [(0, 1)]


def test_a_short_alert_within_a_long_one_does_not_end_the_incident() -> None:
    several = (alert(0, 0, 30, component="web"), alert(1, 1, 2, component="web"), alert(2, 20, 21, component="web"))
    assert grouped("name: a, quiet_period: 0s", *several) == [(0, 1, 2)]


def test_alerts_are_held_until_the_threshold_is_reached() -> None:
    rules = ruling("name: a, threshold: {count: 3, within: 10m}")
    alerts = [alert(number, number * 4, number * 4 + 1, component="web") for number in range(3)]
    assert [each.is_held for each in trial_of(rules, alerts[:2], graph_of({}), "component").incidents] == [True]
    assert [each.is_held for each in trial_of(rules, alerts, graph_of({}), "component").incidents] == [False]


def test_alerts_too_far_apart_stay_held() -> None:
    rules = ruling("name: a, threshold: {count: 2, within: 10m}")
    alerts = [alert(0, 0, 1, component="web"), alert(1, 11, 12, component="web")]
    assert [(each.alerts, each.is_held) for each in trial_of(rules, alerts, graph_of({}), "component").incidents] == [((0, 1), True)]


def test_a_failing_dependency_gathers_its_dependents_alerts() -> None:
    shop = graph_of({"web": ["api"], "api": ["db"]})
    alerts = (
        alert(0, 0, component="db"),
        alert(1, 1, component="web"),
        alert(2, 2, component="other"),
        alert(3, 3, component="web", x="1"),
    )
    assert grouped("name: a, dependencies: true", *alerts, graph=shop) == [(0, 1, 3), (2,)]
    assert grouped("name: a", *alerts, graph=shop) == [(0,), (1, 3), (2,)]


def test_a_dependency_that_fails_later_gathers_what_fails_already() -> None:
    shop = graph_of({"web": ["api"], "api": ["db"], "jobs": ["db"]})
    alerts = (
        *(alert(0, 0, component="web"), alert(1, 1, component="jobs"), alert(2, 2, component="other"), alert(3, 3, component="db")),
        *(alert(4, 4, component="jobs"), alert(5, 5, component="web")),
    )
    assert grouped("name: a, dependencies: true", *alerts, graph=shop) == [(2,), (0, 1, 3, 4, 5)]


def test_held_alerts_join_a_failing_dependency_once_there_are_enough() -> None:
    alerts = (
        *(alert(number, number, component="web") for number in range(2)),
        alert(2, 0.5, component="db"),
        alert(3, 0.6, component="db"),
    )
    found = grouped("name: a, dependencies: true, threshold: {count: 2, within: 5m}", *alerts, graph=graph_of({"web": ["db"]}))
    assert found == [(0, 1, 2, 3)]


def test_a_dependency_that_was_mended_gathers_nothing() -> None:
    alerts = (alert(0, 0, 10, component="db"), alert(1, 60, component="web"))
    assert grouped("name: a, dependencies: true", *alerts, graph=graph_of({"web": ["db"]})) == [(0,), (1,)]


def test_alerts_alike_join_whatever_their_labels() -> None:
    alerts = (
        alert(0, 0, component="a", summary="certificate of shop expired"),
        alert(1, 1, component="b", summary="disk is full"),
        alert(2, 2, component="c", summary="expired certificate of shop"),
        alert(3, 3, component="d"),
    )
    assert grouped("name: a, similarity: {of: summary, at_least: 0.9}", *alerts) == [(0, 2), (1,), (3,)]


def test_a_trial_counts_what_each_rule_took_and_could_not_evaluate() -> None:
    rules = ruling("name: a, when: 'labels.env == \"prod\"'")
    trial = trial_of(rules, [alert(0, 0, env="prod"), alert(1, 0), alert(2, 0)], graph_of({}), "component")
    assert [(each.rule, each.matched, each.failed) for each in trial.tallies] == [("a", 1, 2), ("default", 2, 0)]


labels = st.fixed_dictionaries({}, optional={"component": st.sampled_from("abc"), "region": st.sampled_from("xy")})
tried = st.lists(st.tuples(labels, st.integers(0, 60), st.none() | st.integers(0, 30)), max_size=14)
chosen = st.sampled_from(
    [
        "name: a",
        "name: b, group_by: [region]",
        "name: c, quiet_period: 0s, group_by: []",
        "name: d, threshold: {count: 2, within: 20m}",
        "name: e, dependencies: true",
    ]
)
SHOP = graph_of({"a": ["b"], "b": ["c"], "c": ["a"]})


def built(several: list[tuple[dict[str, str], int, int | None]]) -> list[TriedAlert]:
    return [alert(index, begin, None if took is None else begin + took, **own) for index, (own, begin, took) in enumerate(several)]


@compiling
@given(tried, chosen, st.randoms())
def test_the_order_alerts_are_given_in_is_no_matter(
    several: list[tuple[dict[str, str], int, int | None]], rule: str, order: "object"
) -> None:
    alerts = built(several)
    shuffled = list(alerts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]

    def sets(given: list[TriedAlert]) -> set[frozenset[UUID]]:
        found = trial_of(ruling(rule), given, SHOP, "component").incidents
        return {frozenset(given[index].id for index in each.alerts) for each in found}

    assert sets(alerts) == sets(shuffled)


@compiling
@given(tried, chosen, chosen)
def test_a_difference_concerns_every_alert_once(several: list[tuple[dict[str, str], int, int | None]], one: str, other: str) -> None:
    alerts = built(several)
    before, after = (trial_of(ruling(rule), alerts, SHOP, "component").incidents for rule in (one, other))
    found = difference(before, after)
    changed = [index for change in found.changes for each in change.before for index in each.alerts]
    assert sorted(changed) == sorted(index for change in found.changes for each in change.after for index in each.alerts)
    assert len(changed) == len(set(changed))
    assert found.unchanged == len(before) - sum(len(change.before) for change in found.changes)
    if one == other:
        assert not found.changes


def incident(*alerts: int, rule: str = "a", is_held: bool = False) -> TriedIncident:
    return TriedIncident(rule, (), alerts, NOON, is_held)


def test_each_kind_of_difference_is_told_apart() -> None:
    before = [
        incident(0),
        incident(1),
        incident(2, 3),
        incident(4, 5),
        incident(6, 7),
        incident(8),
        incident(9, is_held=True),
        incident(10),
        incident(11),
    ]
    after = [
        *(incident(0, 1), incident(2), incident(3), incident(4, 6), incident(5, 7)),
        *(incident(8, is_held=True), incident(9), incident(10, rule="b"), incident(11)),
    ]
    found = difference(before, after)
    assert found.counts == dict.fromkeys(set(RegroupingKind) - {RegroupingKind.UNCHANGED}, 1)
    assert found.unchanged == 1
    assert found.changes[0].kind is RegroupingKind.REGROUPED
    assert [each.alert_count for each in found.changes] == [4, 2, 2, 1, 1, 1]


def test_rules_that_do_nothing_are_told_with_why() -> None:
    rules = ruling("name: busy, match: ['a=\"1\"']", "name: never", "name: lately", "name: new").rules[:-1]
    week = timedelta(days=7)
    long_ago = NOON - timedelta(days=30)
    uses = {"busy": RuleUse(long_ago, 1, NOON), "never": RuleUse(long_ago), "lately": RuleUse(long_ago, 9, NOON - week)}
    found = [(each.rule.name, each.reason, each.shadowed_by) for each in unused(rules, uses, NOON, week)]
    assert found == [
        ("never", UnusedReason.NEVER, ""),
        ("lately", UnusedReason.SHADOWED, "never"),
        ("new", UnusedReason.SHADOWED, "never"),
    ]


def test_a_rule_used_lately_or_new_is_not_reported() -> None:
    rules = ruling("name: a, match: ['a=\"1\"']", "name: b, match: ['a=\"2\"']", "name: c, match: ['a=\"3\"']").rules[:-1]
    uses = {"a": RuleUse(NOON - timedelta(days=30), 1, NOON - timedelta(days=6)), "b": RuleUse(NOON - timedelta(days=6))}
    assert unused(rules, uses, NOON, timedelta(days=7)) == ()
    assert [each.rule.name for each in unused(rules, uses, NOON, timedelta(days=6))] == ["a", "b"]
