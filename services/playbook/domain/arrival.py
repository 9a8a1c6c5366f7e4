"""What an arriving fact changes, and whether it calls for a bundle; the order of arrival decides nothing that lasts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from services.playbook.domain.fact import AssessmentFact, DecisionFact, IncidentFact, IncidentFacts


class Trigger(StrEnum):
    """Why a bundle is rendered."""

    ASSESSMENT_MADE = "ASSESSMENT_MADE"
    DECISION_MADE = "DECISION_MADE"
    REQUEST = "REQUEST"


@dataclass(frozen=True, slots=True)
class Arrival:
    """The facts after an arrival. `is_stale` when something at least as new was held; `trigger` when a bundle is due."""

    facts: IncidentFacts
    is_stale: bool = False
    trigger: Trigger | None = None


def incident_arrives(facts: IncidentFacts, incident: IncidentFact) -> Arrival:
    """Keeps the incident if it is newer. A bundle is due only when one was rendered before without these facts."""
    held = facts.incident
    if held is not None and held.version >= incident.version:
        return Arrival(facts, is_stale=True)
    after = replace(facts, incident=incident)
    return Arrival(after, trigger=_missed_trigger(facts) if held is None else None)


def _missed_trigger(facts: IncidentFacts) -> Trigger | None:
    """Returns why the newest bundle was rendered, if any was, on facts that lacked the incident itself."""
    if facts.decisions:
        return Trigger.DECISION_MADE
    return Trigger.ASSESSMENT_MADE if facts.assessment else None


def assessment_arrives(facts: IncidentFacts, assessment: AssessmentFact) -> Arrival:
    """Keeps the assessment if its revision is newer. A bundle is due for the first one and for each change of severity."""
    held = facts.assessment
    if held is not None and held.revision >= assessment.revision:
        return Arrival(facts, is_stale=True)
    due = held is None or held.severity != assessment.severity
    return Arrival(replace(facts, assessment=assessment), trigger=Trigger.ASSESSMENT_MADE if due else None)


def decision_arrives(facts: IncidentFacts, decision: DecisionFact) -> Arrival:
    """Keeps the decision if it is its team's newest for this incident; a bundle is then due, whatever it did to the split."""
    held = next((other for other in facts.decisions if other.team == decision.team), None)
    if held is not None and held.order >= decision.order:
        return Arrival(facts, is_stale=True)
    return Arrival(replace(facts, decisions=newest_by_team([*facts.decisions, decision])), trigger=Trigger.DECISION_MADE)


def newest_by_team(decisions: Iterable[DecisionFact]) -> tuple[DecisionFact, ...]:
    """Returns each team's newest decision, by team."""
    newest = {decision.team: decision for decision in sorted(decisions, key=lambda each: each.order)}
    return tuple(newest[team] for team in sorted(newest))
