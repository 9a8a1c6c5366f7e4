"""What if: any input of an assessment changed, in the form in which the model reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from difflib import get_close_matches
from enum import Enum
from typing import Any

from services.triage.domain.incident import Evidence, Incident
from services.triage.domain.inputs import TOLD, Reading
from services.triage.domain.model import Feature, ScoringModel
from services.triage.domain.scale import RemainderScale, StepScale, Value
from shared.errors import InvalidInput, Violation

# What the incident itself tells is changed there, so that gates and overrides see it too: this, and what is TOLD by its evidence.
_ALERTS = "alert_count"
_WHOLE = frozenset({_ALERTS, "users_affected", "flap_count"})  # counts of an incident


@dataclass(frozen=True, slots=True)
class InputChange:
    """Another value of one input: a number, yes or no, the name of a step (as `outage`), or None for unknown."""

    feature: str
    value: float | bool | str | None


@dataclass(frozen=True, slots=True)
class Supposition:
    """What is asked: an incident that exists or need not, and what is to be another way. What is None or empty stays as it is."""

    incident: str = ""  # incidents/{uuid}; empty for one that need not exist
    components: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    opened_at: datetime | None = None
    alert_count: int = 0
    changes: tuple[InputChange, ...] = ()

    def over(self, incident: Incident) -> Incident:
        told = {each.name: value for each in fields(self.evidence) if (value := getattr(self.evidence, each.name)) is not None}
        return replace(
            incident,
            opened_at=self.opened_at or incident.opened_at,
            components=self.components or incident.components,
            alert_count=self.alert_count or incident.alert_count,
            evidence=replace(incident.evidence, **told),
        )


@dataclass(frozen=True, slots=True)
class Supposed:
    """What is supposed of an incident: the incident with its own part changed, and the readings that stand in place of others."""

    incident: Incident
    readings: Mapping[str, Reading]


def supposed(incident: Incident, changes: Sequence[InputChange], model: ScoringModel) -> Supposed:
    """Returns the incident as the changes have it. Raises InvalidInput naming every change that no input can have."""
    features = {feature.name: feature for feature in model.features}
    values: dict[str, Value | None] = {}
    found: list[Violation] = []
    for place, change in enumerate(changes):
        field = f"changes[{place}]"
        if change.feature not in features:
            found.append(Violation(f"{field}.feature", _unknown(change.feature, list(features))))
        elif change.feature in values:
            found.append(Violation(f"{field}.feature", f"{change.feature} stands twice; change it once"))
        else:
            try:
                values[change.feature] = _value(features[change.feature], change.value)
            except ValueError as error:
                found.append(Violation(f"{field}.value", str(error)))
    if found:
        raise InvalidInput("; ".join(f"{each.field}: {each.description}" for each in found), found, reason="CHANGE_INVALID")
    facts: dict[str, Any] = {name: value for name, value in values.items() if name in TOLD}
    changed = replace(incident, evidence=replace(incident.evidence, **facts))
    alerts = values.get(_ALERTS)
    if isinstance(alerts, int | float):
        changed = replace(changed, alert_count=int(alerts))
    return Supposed(changed, {name: Reading(value) for name, value in values.items()})


def _value(feature: Feature, value: float | bool | str | None) -> Value | None:
    """Returns the value as the feature's scale knows it. Raises ValueError saying what may be sent."""
    if value is None:
        return None
    if isinstance(feature.scale, StepScale):
        steps = {_name(step): step for step, _ in feature.scale.steps}
        name = _name(value)
        if name not in steps:
            raise ValueError(f"is {value!r}; {feature.name} is one of {', '.join(steps)}")
        return steps[name]
    if isinstance(value, bool | str) or value < 0:
        raise ValueError(f"is {value!r}; {feature.name} is a number from 0 up")
    if feature.name in _WHOLE and not float(value).is_integer():
        raise ValueError(f"is {value!r}; {feature.name} is a whole number")
    if isinstance(feature.scale, RemainderScale) and value > 1:
        raise ValueError(f"is {value!r}; {feature.name} is a share from 0 to 1")
    return int(value) if float(value).is_integer() else float(value)


def _name(step: object) -> str:
    if isinstance(step, bool):
        return "yes" if step else "no"
    return step.name.lower() if isinstance(step, Enum) else str(step).lower()


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"{name[:64]!r} is no input; " + (f"did you mean {near[0]}?" if near else f"inputs are {', '.join(known)}")
