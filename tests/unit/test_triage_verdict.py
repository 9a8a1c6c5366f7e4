"""Verdicts: overrides only raise, and counterfactuals come true when their change is made."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given

from services.triage.domain.component import Tier
from services.triage.domain.counterfactual import Counterfactual
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.severity import Severity
from tests.support.triage import MONDAY_NOON, assessed, component, incident, situations

OUTAGE, DISRUPTION, INFORMATION = ServiceImpact.OUTAGE, ServiceImpact.DISRUPTION, ServiceImpact.INFORMATION


@pytest.mark.parametrize(
    ("fact", "reason", "severity"),
    [
        (Evidence(safety=True), "SAFETY_RISK", 1),
        (Evidence(security=True), "SECURITY_BREACH", 1),
        (Evidence(data_loss=True), "DATA_LOSS", 2),
    ],
)
def test_an_override_raises_what_the_score_holds_for_mild(fact: Evidence, reason: str, severity: int) -> None:
    happened = replace(incident("web"), evidence=replace(fact, service_impact=INFORMATION))
    verdict = assessed(happened, component("web", Tier.LOW)).verdict
    assert (verdict.scored_severity, verdict.severity) == (4, severity)
    assert [(o.reason, o.at_least, o.applied) for o in verdict.overrides] == [(reason, severity, True)]


def test_an_override_milder_than_the_score_is_reported_as_not_applied() -> None:
    verdict = assessed(
        incident("web", opened_at=MONDAY_NOON, service_impact=OUTAGE, workaround=False, data_loss=True), component("web", Tier.CRITICAL)
    ).verdict
    assert verdict.severity is Severity.SEV1
    assert [override.applied for override in verdict.overrides] == [False]


def test_of_two_overrides_only_the_one_that_decides_is_applied() -> None:
    verdict = assessed(incident("web", service_impact=INFORMATION, data_loss=True, safety=True), component("web", Tier.LOW)).verdict
    assert {override.reason: override.applied for override in verdict.overrides} == {"SAFETY_RISK": True, "DATA_LOSS": False}


@given(situations())
def test_overrides_only_raise(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    verdict = assessed(happened, *around.known).verdict
    none = replace(happened.evidence, data_loss=None, security=None, safety=None)
    without = assessed(replace(happened, evidence=none), *around.known).verdict
    assert verdict.severity <= verdict.scored_severity == without.severity
    assert verdict.score == without.score
    assert any(override.applied for override in verdict.overrides) == (verdict.severity < verdict.scored_severity)


def test_a_counterfactual_names_the_number_of_users_at_which_severity_changes() -> None:
    # By hand: impact is high from 17 points, 2.125 in log-odds; a critical component's disruption without dependents, revenue
    # unknown, has 0 + 0.75 + 0.0625 - 0.125 = 0.6875, so users would have to give 1.4375, and they give 1 at most.
    verdict = assessed(incident("web", service_impact=DISRUPTION, users_affected=1), component("web", Tier.CRITICAL)).verdict
    assert not [c for c in verdict.counterfactuals if c.feature == "users_affected" and "rises" in c.text]
    # With 31 dependents and 100,000 USD a minute it has 0.75 + 0.5 + 0.375 = 1.625: users must give 0.5, two thirds of the way
    # from -0.5 to 1, and 1,000,001 to the power of 2/3 is 10,000. The grid of 1/1024 moves that by half a step at most.
    rich = component("web", Tier.CRITICAL, "100000 USD")
    verdict = assessed(incident("web", service_impact=DISRUPTION, users_affected=1), rich, dependents=31).verdict
    change = next(c for c in verdict.counterfactuals if c.feature == "users_affected")
    assert (verdict.severity, change.severity) == (3, 2)
    assert change.text.startswith("rises to SEV2 if ")
    users = int(change.text.removeprefix("rises to SEV2 if ").split()[0].replace(",", ""))
    assert users == pytest.approx(10_000, rel=0.005)


def test_a_counterfactual_downwards_reads_as_a_sentence() -> None:
    rich = component("web", Tier.CRITICAL, "100000 USD")
    verdict = assessed(incident("web", service_impact=DISRUPTION, users_affected=500_000), rich, dependents=31).verdict
    texts = {c.feature: c.text for c in verdict.counterfactuals}
    assert texts["users_affected"].startswith("drops to SEV3 if fewer than ")
    assert texts["tier"] == "drops to SEV3 if no affected component is above tier high"
    assert texts["workaround"] == "drops to SEV3 if users can work around it" or "workaround" not in texts


def test_a_drop_is_to_the_nearest_milder_severity_that_the_change_gives() -> None:
    verdict = assessed(incident("web", service_impact=OUTAGE), component("web", Tier.CRITICAL)).verdict
    change = next(change for change in verdict.counterfactuals if change.feature == "service_impact")
    assert (verdict.severity, change.severity) == (2, 3)
    assert change.text == "drops to SEV3 if the service impact is no worse than disruption"


def test_the_change_that_moves_the_score_least_comes_first() -> None:
    verdict = assessed(incident("web", opened_at=MONDAY_NOON, service_impact=OUTAGE), component("web", Tier.CRITICAL)).verdict
    # Urgency lacks 7 - 6.5 = 0.5 points of SEV1: a recent change gives 2.5 more, no workaround 4.
    rises = [c.feature for c in verdict.counterfactuals if "rises" in c.text]
    assert rises.index("recent_change") < rises.index("workaround")
    assert rises[-2:] == ["safety", "security"]


@given(situations())
def test_every_counterfactual_comes_true_and_anything_less_does_not(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation

    def severity_with(evidence: Evidence) -> Severity:
        return assessed(replace(happened, evidence=evidence), *around.known, dependents=around.dependents).verdict.severity

    verdict = assessed(happened, *around.known, dependents=around.dependents).verdict
    for change in verdict.counterfactuals:
        drops = change.severity > verdict.severity
        assert change.severity != verdict.severity
        assert change.text.startswith(f"{'drops' if drops else 'rises'} to {change.severity.name} if ")
        made = _made(happened.evidence, change)
        if made:
            assert severity_with(made) == change.severity
        short = _just_short_of(happened.evidence, change)
        if short:
            assert not (severity_with(short) > verdict.severity if drops else severity_with(short) < verdict.severity)


def _made(evidence: Evidence, change: Counterfactual) -> Evidence | None:
    """Returns the evidence after the change that the sentence names; None for what evidence does not hold."""
    drops = change.text.startswith("drops")
    match change.feature:
        case "users_affected":
            return replace(evidence, users_affected=int(_bound(change)) - drops)
        case "burn_rate":
            return replace(evidence, burn_rate=float(_bound(change) - drops * Decimal("0.1")))
        case "service_impact":
            return replace(evidence, service_impact=ServiceImpact[change.text.rsplit(maxsplit=1)[-1].upper()])
        case "workaround":
            return replace(evidence, workaround="cannot" not in change.text)
        case "recent_change":
            return replace(evidence, recent_change="no component" not in change.text)
        case "flap_count":
            return replace(evidence, flap_count=int(_bound(change)) - drops)
        case "redundancy_left":
            return replace(evidence, redundancy_left=float(_bound(change) + drops * Decimal("0.01")))
        case "safety":
            return replace(evidence, safety=not drops)
        case "security":
            return replace(evidence, security=not drops)
        case "data_loss":
            return replace(evidence, data_loss=not drops)
    return None


def _just_short_of(evidence: Evidence, change: Counterfactual) -> Evidence | None:
    rises = change.text.startswith("rises")
    if change.feature == "users_affected":
        return replace(evidence, users_affected=int(_bound(change)) - rises)
    if change.feature == "burn_rate":
        return replace(evidence, burn_rate=float(_bound(change) - rises * Decimal("0.1")))
    if change.feature == "flap_count":
        return replace(evidence, flap_count=int(_bound(change)) - rises)
    if change.feature == "redundancy_left":
        return replace(evidence, redundancy_left=float(_bound(change) + rises * Decimal("0.01")))
    return None


def _bound(change: Counterfactual) -> Decimal:
    """Reads the one number of a sentence."""
    return Decimal(re.findall(r" ([\d.]+)", change.text.replace(",", ""))[0])
