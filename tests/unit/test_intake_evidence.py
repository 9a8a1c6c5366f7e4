"""Evidence: read from annotations, and merged to the worst that any alert told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.evidence import (
    NO_EVIDENCE,
    Evidence,
    ServiceImpact,
    evidence_from_json,
    evidence_to_json,
    flapped,
    merge,
    read_evidence,
)

MAYBE = st.none() | st.booleans()
EVIDENCE = st.builds(
    Evidence,
    users_affected=st.none() | st.integers(0, 10**12),
    service_impact=st.sampled_from(ServiceImpact),
    data_loss=MAYBE,
    security=MAYBE,
    safety=MAYBE,
    workaround=MAYBE,
    burn_rate=st.none() | st.floats(0, 1e9, exclude_max=True),
    recent_change=MAYBE,
    redundancy_left=st.none() | st.floats(0, 1),
    flap_count=st.none() | st.integers(1, 10**6),
)


def test_annotations_of_others_say_nothing() -> None:
    assert read_evidence({"summary": "slow", "runbook": "https://x", "ballasted": "1"}) == (NO_EVIDENCE, ())


def test_every_annotation_of_ours_is_read() -> None:
    evidence, warnings = read_evidence(
        {
            "ballast.users_affected": "1200",
            "ballast.service_impact": "Outage",
            "ballast.data_loss": "true",
            "ballast.security": "FALSE",
            "ballast.safety": "false",
            "ballast.workaround": " true ",
            "ballast.burn_rate": "14.4",
            "ballast.recent_change": "true",
            "ballast.redundancy_left": "0.5",
            "summary": "slow",
            "ballasted": "not ours",
        }
    )
    assert evidence == Evidence(1200, ServiceImpact.OUTAGE, True, False, False, True, 14.4, True, 0.5)
    assert warnings == ()


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("users_affected", "many", "must be a whole number, as 1200"),
        ("users_affected", "-3", "must be a whole number, as 1200"),
        ("users_affected", "1.5", "must be a whole number, as 1200"),
        ("users_affected", "9" * 13, "must be a whole number, as 1200"),
        ("users_affected", "", "must be a whole number, as 1200"),
        ("service_impact", "bad", "must be outage, disruption or information"),
        ("data_loss", "yes", "must be true or false"),
        ("burn_rate", "fast", "must be a number, as 14.4"),
        ("burn_rate", "-1", "must be a number of at least 0, as 14.4"),
        ("burn_rate", "nan", "must be a number of at least 0, as 14.4"),
        ("burn_rate", "inf", "must be a number of at least 0, as 14.4"),
        *(
            ("redundancy_left", value, "must be a share from 0 to 1, as 0.5, or how many of how many are left, as 2/3")
            for value in ("half", "1.01", "-0.1", "50%", "4/3", "0/0", "1/2/3", "nan", "inf/inf", "")
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_not_used_and_said_so(field: str, value: str, rule: str) -> None:
    evidence, warnings = read_evidence({f"ballast.{field}": value, "ballast.security": "true"})
    assert evidence == Evidence(security=True)
    assert warnings == (f"annotation ballast.{field} is not used: {rule}",)


def test_an_annotation_nobody_knows_is_named_with_those_that_are_known() -> None:
    evidence, (warning,) = read_evidence({"ballast.user_affected": "5"})
    assert evidence == NO_EVIDENCE
    assert warning.startswith("annotation ballast.user_affected is not used: known are ballast.users_affected, ballast.service_impact")


def test_warnings_come_in_one_order_whatever_the_order_of_annotations() -> None:
    odd = {"ballast.security": "?", "ballast.data_loss": "?", "ballast.zzz": "?"}
    assert read_evidence(odd) == read_evidence(dict(reversed(odd.items())))


@given(EVIDENCE, EVIDENCE)
def test_merging_is_commutative(left: Evidence, right: Evidence) -> None:
    assert merge(left, right) == merge(right, left)


@given(EVIDENCE, EVIDENCE, EVIDENCE)
def test_merging_is_associative(a: Evidence, b: Evidence, c: Evidence) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(EVIDENCE)
def test_merging_what_is_known_already_changes_nothing(evidence: Evidence) -> None:
    assert merge(evidence, evidence) == evidence == merge(evidence, NO_EVIDENCE) == merge(NO_EVIDENCE, evidence)


def test_the_worst_value_counts() -> None:
    mild = Evidence(10, ServiceImpact.DISRUPTION, False, False, False, True, 1.0, False)
    bad = Evidence(9, ServiceImpact.OUTAGE, True, True, True, True, 14.4, True)
    assert merge(mild, bad) == Evidence(10, ServiceImpact.OUTAGE, True, True, True, True, 14.4, True)


@pytest.mark.parametrize(("told", "left"), [("1/3", 0.33), ("2/3", 0.67), ("0/3", 0.0), ("1", 1.0), (" .25 ", 0.25)])
def test_redundancy_is_told_as_a_share_or_as_how_many_of_how_many(told: str, left: float) -> None:
    assert read_evidence({"ballast.redundancy_left": told}) == (Evidence(redundancy_left=left), ())


def test_what_one_alert_holds_for_lost_is_not_left_and_the_most_flaps_count() -> None:
    merged = merge(Evidence(redundancy_left=0.67, flap_count=4), Evidence(redundancy_left=0.33, flap_count=2))
    assert (merged.redundancy_left, merged.flap_count) == (0.33, 4)


def test_flaps_are_counted_and_not_told() -> None:
    evidence, (warning,) = read_evidence({"ballast.flap_count": "5"})
    assert (evidence, warning.startswith("annotation ballast.flap_count is not used: known are")) == (NO_EVIDENCE, True)
    assert flapped(0) is NO_EVIDENCE
    assert flapped(2).flap_count == 2


def test_a_workaround_that_one_alert_denies_is_none() -> None:
    assert merge(Evidence(workaround=True), Evidence(workaround=False)).workaround is False


def test_what_nobody_told_is_not_the_same_as_no() -> None:
    assert merge(Evidence(security=False), Evidence()).security is False
    assert merge(Evidence(), Evidence()).security is None


def test_what_a_newer_version_wrote_beside_is_left_out() -> None:
    assert evidence_from_json({"service_impact": 2, "luck": 7}) == Evidence(service_impact=ServiceImpact.DISRUPTION)


@given(EVIDENCE)
def test_evidence_is_stored_and_read_back_equal(evidence: Evidence) -> None:
    back = evidence_from_json(json.loads(json.dumps(evidence_to_json(evidence))))
    assert back == evidence
    assert isinstance(back.service_impact, ServiceImpact)
