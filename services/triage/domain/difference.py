"""Differences: in what a revision of an assessment differs from the one before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.triage.domain.finding import Finding
from services.triage.domain.score import ScoreTerm


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, in words; `points` is by how much it moved the score, 0 for what is no feature of it."""

    subject: str
    before: str
    after: str
    points: float = 0.0


def differences(before: Finding, after: Finding) -> tuple[Difference, ...]:
    """Returns what differs: the severity first, then the terms of the score, the largest movement first, then the rest by name."""
    old, new = _facts(before), _facts(after)
    facts = [Difference(subject, old[subject], new[subject]) for subject in old if old[subject] != new[subject]]
    severities = [each for each in facts if each.subject.endswith("severity")]
    return (
        *severities,
        *_moved(before.verdict.score.terms, after.verdict.score.terms),
        *(each for each in facts if each not in severities),
    )


def _moved(before: Iterable[ScoreTerm], after: Iterable[ScoreTerm]) -> Iterator[Difference]:
    """Yields the terms that differ; one that another model has not counts as nothing there."""
    old, new = ({term.feature: term for term in terms} for terms in (before, after))
    found = [_term_difference(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    yield from sorted((each for each in found if each is not None), key=lambda each: (-abs(each.points), each.subject))


def _term_difference(name: str, before: ScoreTerm | None, after: ScoreTerm | None) -> Difference | None:
    points = (after.points if after else 0.0) - (before.points if before else 0.0)
    told = (before.value if before else "not looked at", after.value if after else "not looked at")
    return Difference(name, *told, points) if points or told[0] != told[1] else None


def _facts(finding: Finding) -> Mapping[str, str]:
    override, loss = finding.human_override, finding.expected_loss_per_hour
    return {
        "severity": finding.severity.name,
        "assessed_severity": finding.assessed_severity.name,
        "human_override": f"{override.severity.name}, {override.author}: {override.reason}" if override else "none",
        "overrides": _listed(each.reason for each in finding.verdict.overrides),
        "gates": _listed(each.rule for each in finding.gates.fired),
        "undecided_gates": _listed(each.rule for each in finding.gates.undecided),
        "components": _listed(finding.components),
        "unknown_components": _listed(finding.unknown_components),
        "teams": _listed(finding.teams),
        "incident_state": finding.state.name.lower(),
        "title": finding.title,
        "restore_target": _hours(finding.restore_target),
        "expected_loss_per_hour": str(loss) if loss else "unknown",
        "matrix_revision": str(finding.matrix_revision),
        "gates_revision": str(finding.gates_revision),
        "model_version": finding.model_version,
        "recurrence": f"{finding.recurrence.last_28_days} in 28 days, {finding.recurrence.last_90_days} in 90",
        "similar_incidents": _listed(each.incident for each in finding.recurrence.similar),
        "merged_into": finding.merged_into or "none",
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:g} h"
