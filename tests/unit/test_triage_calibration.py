"""Calibration: what the default model and matrix say of incidents that anyone would judge alike."""

from typing import Any

import pytest

from services.triage.domain.component import Tier
from services.triage.domain.defaults import default_model
from services.triage.domain.incident import ServiceImpact
from services.triage.domain.severity import Severity
from tests.support.triage import MONDAY_NOON, SUNDAY_NIGHT, assessed, component, incident

OUTAGE, DISRUPTION, INFORMATION = ServiceImpact.OUTAGE, ServiceImpact.DISRUPTION, ServiceImpact.INFORMATION
BAD = {"users_affected": 50_000, "burn_rate": 14.4, "workaround": False}


@pytest.mark.parametrize(
    ("impact", "tier", "more", "at_night", "by_day"),
    [
        # Nothing but extent and tier is known.
        (OUTAGE, Tier.CRITICAL, {}, 2, 2),
        (OUTAGE, Tier.HIGH, {}, 2, 2),
        (OUTAGE, Tier.MEDIUM, {}, 3, 3),
        (OUTAGE, Tier.LOW, {}, 3, 3),
        (OUTAGE, None, {}, 2, 2),  # if unsure take the higher
        (DISRUPTION, Tier.CRITICAL, {}, 3, 3),
        (DISRUPTION, Tier.HIGH, {}, 3, 3),
        (DISRUPTION, Tier.MEDIUM, {}, 3, 3),
        (DISRUPTION, Tier.LOW, {}, 4, 4),
        (INFORMATION, Tier.CRITICAL, {}, 4, 4),
        (INFORMATION, Tier.LOW, {}, 4, 4),
        (INFORMATION, None, {}, 4, 4),
        # Nothing is known at all.
        (None, None, {}, 3, 3),
        # It is known to be bad, or known not to be.
        (OUTAGE, Tier.CRITICAL, BAD, 1, 1),
        (OUTAGE, Tier.CRITICAL, {"workaround": False}, 2, 1),
        (OUTAGE, Tier.CRITICAL, {"workaround": True, "burn_rate": 0.5}, 3, 3),
        (DISRUPTION, Tier.CRITICAL, BAD, 2, 2),
        (DISRUPTION, Tier.LOW, {"workaround": True, "users_affected": 3}, 5, 4),
        (INFORMATION, Tier.LOW, {"workaround": True, "users_affected": 0}, 5, 4),
    ],
)
def test_severity_is_what_anyone_would_say(
    impact: ServiceImpact | None, tier: Tier | None, more: dict[str, Any], at_night: int, by_day: int
) -> None:
    known = component("web", tier)
    found = [assessed(incident("web", opened_at=at, service_impact=impact, **more), known) for at in (SUNDAY_NIGHT, MONDAY_NOON)]
    assert [finding.verdict.severity for finding in found] == [at_night, by_day]


def test_an_incident_of_which_nothing_is_known_not_even_its_component_is_sev3() -> None:
    for at in (SUNDAY_NIGHT, MONDAY_NOON):
        assert assessed(incident(opened_at=at)).verdict.severity is Severity.SEV3
        assert assessed(incident("ghost", opened_at=at)).verdict.severity is Severity.SEV3


def test_an_unknown_tier_counts_for_more_than_a_medium_and_less_than_a_high_one() -> None:
    tier = next(feature for feature in default_model().features if feature.name == "tier")
    assert tier.contribution(Tier.MEDIUM) < tier.when_missing < tier.contribution(Tier.HIGH)
