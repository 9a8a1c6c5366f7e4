"""Explanations: every sentence names what decided, at the version it had, and what would have been otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake.domain.alert import Alert, Disposition, fingerprint_of
from services.intake.domain.episode import Episode
from services.intake.domain.evidence import NO_EVIDENCE
from services.intake.domain.explanation import Alternative, Explained, Facts, Landing, Step, alternatives, explain
from services.intake.domain.grouping_rule import RuleSet
from services.intake.domain.incident import Incident, IncidentKind, IncidentState
from services.intake.domain.muting import MuteSet
from tests.conftest import START
from tests.support.grouping import ruling
from tests.support.muting import silence

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LABELS = {"component": "checkout", "alertname": "Slow", "severity": "page"}
STORM = UUID(int=99)
RULES = ruling(
    "name: database, match: ['team=db'], group_by: [team]",
    'name: loud, when: \'labels["severity"] == "info"\'',
    "name: shop, match: ['component=~checkout|cart'], group_by: [component], quiet_period: 5m, threshold: {count: 3, within: 10m}",
)
HELD_KEY = 'shop:[["component","checkout"]]'


def alert(**changes: Any) -> Alert:
    """Builds an alert that rule shop of revision 1 grouped."""
    made = Alert(
        id=UUID(int=1),
        incident_id=UUID(int=7),
        fingerprint=fingerprint_of("", "", LABELS),
        source="prometheus",
        labels=LABELS,
        annotations={},
        disposition=Disposition.GROUPED,
        mute="",
        mute_version=0,
        group_key=HELD_KEY,
        rule="shop",
        rule_revision=1,
        storm_id=None,
        life=Episode((START,)),
        generator_url="",
        report_count=4,
        is_flapping=False,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changes)


def incident(**changes: Any) -> Incident:
    made = Incident(
        id=UUID(int=7),
        version=5,
        state=IncidentState.OPEN,
        title="slow",
        summary="",
        group_key=HELD_KEY,
        group_labels=(("component", "checkout"),),
        components=("checkout",),
        opened_at=START,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=2,
        firing_count=2,
        evidence=NO_EVIDENCE,
        created_at=START,
        updated_at=NOW,
        quiet_period=timedelta(minutes=5),
    )
    return replace(made, **changes)


def explained(
    told: Alert, held: Incident | None = None, *, rules: RuleSet = RULES, mutes: MuteSet | None = None, current: Incident | None = None
) -> Explained:
    found = (mutes or MuteSet()).explain(told.labels, NOW)
    landings = [(each, landing(each, current)) for each in alternatives(told, rules, found)]
    return explain(Facts(told, held, rules, found, landings))


def landing(option: Alternative, current: Incident | None) -> Landing:
    """Says where an alert goes by this placement alone: into the open incident of its group, or where its threshold has it wait."""
    if current is not None and current.group_key == option.placement.key:
        return Landing(Disposition.GROUPED, current.name)
    waits = option.placement.rule.threshold is not None and "threshold" not in option.condition
    return Landing(Disposition.HELD if waits else Disposition.GROUPED, "")


def said(found: Explained, step: Step) -> list[str]:
    return [line.text for line in found.lines if line.step is step]


def decided(found: Explained, step: Step) -> list[tuple[str, int]]:
    return [(line.resource, line.version) for line in found.lines if line.step is step]


def otherwise(found: Explained) -> list[tuple[str, Disposition, str]]:
    return [(each.condition, each.disposition, each.incident) for each in found.otherwise]


# Identity.


def test_it_says_whether_labels_or_the_sender_s_key_identify_the_signal() -> None:
    assert said(explained(alert(), incident()), Step.IDENTITY)[0].startswith("identified by its labels")
    keyed = alert(fingerprint=fingerprint_of("prometheus", "k", LABELS))
    assert said(explained(keyed, incident()), Step.IDENTITY)[0].startswith("identified by the key prometheus gives it")


# Grouped.


def test_a_grouped_alert_names_its_rule_revision_group_and_incident() -> None:
    found = explained(alert(), incident())
    assert found.summary == f"grouped into {incident().name} by rule shop (revision 1)"
    assert said(found, Step.GROUPING)[-1] == f"rule shop of revision 1 takes it, into the group {HELD_KEY}"
    assert set(decided(found, Step.GROUPING)) == {("groupingRules/1", 1)}
    assert decided(found, Step.INCIDENT) == [(incident().name, 5)]
    assert said(found, Step.MUTING) == ["nothing muted it"]


def test_it_says_of_each_rule_before_why_it_does_not_take_the_alert() -> None:
    assert said(explained(alert(), incident()), Step.GROUPING)[:-1] == [
        'rule database does not take it: team="db" does not hold, team is absent',
        "rule loud does not take it: its condition does not hold",
    ]


def test_it_tells_an_incident_it_opened_from_one_it_joined_and_from_another_group_s() -> None:
    opened = said(explained(alert(), incident(created_at=NOW)), Step.INCIDENT)[0]
    joined = said(explained(alert(), incident()), Step.INCIDENT)[0]
    elsewhere = said(explained(alert(), incident(group_key="other")), Step.INCIDENT)[0]
    assert opened.startswith("opened ")
    assert joined.startswith("joined ")
    assert "not over for longer than 0:05:00" in joined
    assert "of another group: by dependency or likeness, or because people merged or split incidents" in elsewhere


def test_the_built_in_rule_is_named_as_such_and_nothing_lies_behind_it() -> None:
    plain = alert(rule="default", group_key='[["component","checkout"]]')
    found = explained(plain, incident(group_key=plain.group_key), rules=ruling("name: other, match: ['team=db']"))
    assert found.summary.endswith("by the built-in rule (revision 1)")
    assert found.otherwise == ()


def test_without_the_rule_that_took_it_the_next_one_would() -> None:
    found = explained(alert(), incident())
    assert otherwise(found) == [("without rule shop", Disposition.GROUPED, "")]
    assert found.otherwise[0].group_key == '[["component","checkout"]]'
    other = incident(id=UUID(int=8), group_key='[["component","checkout"]]')
    assert otherwise(explained(alert(), incident(), current=other)) == [("without rule shop", Disposition.GROUPED, other.name)]


# Muted.


def test_a_muted_alert_names_what_mutes_it_with_its_version() -> None:
    mute = silence("component=checkout,severity=page")
    muted = alert(disposition=Disposition.MUTED, mute=mute.name, mute_version=2, incident_id=None, rule="", rule_revision=0, group_key="")
    found = explained(muted, mutes=MuteSet([mute]))
    assert found.summary == f"kept, and muted by {mute.name} (version 2)"
    assert (said(found, Step.MUTING)[0], decided(found, Step.MUTING)[0]) == (f"muted by {mute.name}", (mute.name, 2))
    assert said(found, Step.INCIDENT) == ["in no incident while it is muted; looked at again when that ends, if it still fires"]
    assert said(found, Step.GROUPING) == []
    assert otherwise(found) == [(f"without {mute.name}", Disposition.HELD, "")]
    assert "would have held it until 3 of its kind came within 0:10:00" in found.otherwise[0].text


def test_a_muted_alert_would_be_in_its_group_s_incident_where_there_is_one() -> None:
    mute = silence("component=checkout,severity=page")
    muted = alert(disposition=Disposition.MUTED, mute=mute.name, mute_version=1, incident_id=None)
    found = explained(muted, mutes=MuteSet([mute]), current=incident())
    assert otherwise(found)[0] == (f"without {mute.name}", Disposition.GROUPED, incident().name)


def test_another_mute_would_have_muted_it_all_the_same() -> None:
    mutes = [silence("component=checkout,severity=page"), silence("alertname=Slow,severity=page")]
    muted = alert(disposition=Disposition.MUTED, mute=mutes[0].name, mute_version=1, incident_id=None)
    found = explained(muted, mutes=MuteSet(mutes))
    assert f"{mutes[1].name} would mute it too: {mutes[1].reason}" in said(found, Step.MUTING)
    assert otherwise(found)[0] == (f"without {mutes[0].name}", Disposition.MUTED, "")
    assert found.otherwise[0].text == f"{mutes[1].name} would have muted it all the same"


def test_one_that_was_muted_and_let_go_says_so() -> None:
    assert said(explained(alert(mute="silences/x", mute_version=3), incident()), Step.MUTING) == ["was muted at first by silences/x"]


def test_a_mute_that_missed_by_one_matcher_is_named_with_the_value_in_its_way() -> None:
    near = silence("component=checkout,severity=ticket")
    found = explained(alert(), incident(), mutes=MuteSet([near]))
    missed = f"{near.name} nearly mutes it: severity=\"ticket\" does not hold, severity is 'page'"
    assert missed in said(found, Step.MUTING)
    assert ('with severity="ticket"', Disposition.MUTED, "") in otherwise(found)
    absent = silence("component=checkout,region=eu")
    lines = said(explained(alert(), incident(), mutes=MuteSet([absent])), Step.MUTING)
    assert f'{absent.name} nearly mutes it: region="eu" does not hold, region is absent' in lines


def test_a_mute_that_missed_by_time_is_named_with_its_times() -> None:
    early = silence("component=checkout", 0, 600)
    found = explained(alert(), incident(), mutes=MuteSet([early]))
    times = f"{START.isoformat()} to {(START + timedelta(minutes=10)).isoformat()}"
    assert f"{early.name} matches it, but at other times: {times}" in said(found, Step.MUTING)
    assert (f"at a time of {early.name}", Disposition.MUTED, "") in otherwise(found)


# Held, and summarised.


def test_a_held_alert_names_the_rule_that_waits_and_what_would_be_without_its_threshold() -> None:
    held = alert(disposition=Disposition.HELD, incident_id=None)
    found = explained(held)
    assert found.summary == "kept, and held by rule shop until enough of its kind come"
    assert said(found, Step.INCIDENT) == ["held: rule shop opens an incident once 3 of its kind came within 0:10:00"]
    assert otherwise(found) == [
        ("without the threshold of rule shop", Disposition.GROUPED, ""),
        ("without rule shop", Disposition.GROUPED, ""),
    ]
    assert found.otherwise[0].text == f"it would have opened an incident of the group {HELD_KEY}, by rule shop"


def test_a_summarised_alert_names_the_storm_and_what_would_be_without_it() -> None:
    summary = incident(kind=IncidentKind.STORM, group_key=f"storm:{STORM}")
    found = explained(alert(disposition=Disposition.SUMMARISED, storm_id=STORM), summary)
    assert found.summary == f"kept, and gathered into the storm's incident {summary.name}"
    assert said(found, Step.STORM) == ["a storm was under way: its group had no open incident, so it went into the storm's"]
    assert decided(found, Step.STORM) == [(f"storms/{STORM}", 0)]
    assert otherwise(found)[0] == ("without the storm", Disposition.HELD, "")


def test_an_alert_grouped_in_a_storm_names_the_storm_all_the_same() -> None:
    assert said(explained(alert(storm_id=STORM), incident()), Step.STORM) == ["a storm was under way"]


# Life.


@pytest.mark.parametrize(
    ("life", "told"),
    [
        (Episode((START,)), f"began at {START.isoformat()}, still fires; reported 4 times, last by prometheus"),
        (
            Episode((START,), (START + timedelta(minutes=1),)),
            f"began at {START.isoformat()}, ended at {(START + timedelta(minutes=1)).isoformat()}; reported 4 times, last by prometheus",
        ),
    ],
)
def test_it_says_when_the_alert_began_and_ended_and_who_told_of_it(life: Episode, told: str) -> None:
    assert said(explained(alert(life=life), incident()), Step.LIFE) == [told]


def test_it_says_how_often_the_alert_began_again_and_that_it_flaps() -> None:
    again = Episode((START, START + timedelta(seconds=70)), (START + timedelta(seconds=60),))
    lines = said(explained(alert(life=again, is_flapping=True), incident()), Step.LIFE)
    assert lines[1] == "2 begins were told of it, 1 of them after an end so short before that it went on"
    assert lines[2] == "it flaps: it began again and again"


# Where else it might fall.


def test_a_condition_that_cannot_be_evaluated_takes_nothing() -> None:
    rules = ruling("name: broken, when: 'int(labels[\"component\"]) > 3'")
    muted = replace(alert(), disposition=Disposition.SUMMARISED)
    assert {each.placement.rule.name for each in alternatives(muted, rules, MuteSet().explain(muted.labels, NOW))} == {"default"}
