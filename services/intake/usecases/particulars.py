"""Particulars: what people say of an incident while it goes on and afterwards: who has which role, how bad it is, what caused it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.intake.domain.change import change_id_of
from services.intake.domain.errors import ChangeNotFound
from services.intake.domain.incident import (
    Assignment,
    Attribution,
    Cause,
    Incident,
    IncidentChange,
    Rating,
    Role,
    Severity,
    TimelineEntry,
    TimelineKind,
)
from services.intake.domain.incident_life import assign, attribute, holder, rate
from services.intake.storage.change_store import ChangeStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.usecases.occasion import Occasion, changed, with_note
from shared.clock import Clock
from shared.principal import current_principal_name


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a person holds to be the cause, 0 to 1 sure."""

    cause: Cause
    confidence: float
    ref: str


class Particulars:
    """What people say of incidents. Saying the same again changes nothing and is told to nobody."""

    def __init__(self, store: IncidentStore, changes: ChangeStore, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock

    async def assign(self, incident_id: UUID, role: Role, person: str, occasion: Occasion) -> Incident:
        """Gives a role to somebody; to nobody when `person` is empty."""

        def apply(before: Incident, at: datetime, now: datetime) -> tuple[Incident, str]:
            assignment = Assignment(role, person, current_principal_name(), at) if person else None
            return assign(before, role, assignment, now), with_note(_role_line(before, role, person), occasion.text)

        return await self._say(incident_id, occasion, (TimelineKind.ROLE, IncidentChange.ROLE), apply)

    async def rate(self, incident_id: UUID, severity: Severity | None, occasion: Occasion) -> Incident:
        """Says how bad it is; takes that back for None."""

        def apply(before: Incident, at: datetime, now: datetime) -> tuple[Incident, str]:
            rating = Rating(severity, occasion.text, current_principal_name(), at) if severity else None
            was = f", was {before.rating.severity.name}" if before.rating else ""
            line = f"severity {severity.name}{was}" if severity else f"severity taken back{was}"
            return rate(before, rating, now), with_note(line, occasion.text)

        return await self._say(incident_id, occasion, (TimelineKind.SEVERITY, IncidentChange.SEVERITY), apply)

    async def attribute(self, incident_id: UUID, suspicion: Suspicion | None, occasion: Occasion) -> Incident:
        """Says what caused it; takes that back for None. Raises ChangeNotFound for the name of a change that does not exist."""
        if suspicion:
            await self._check_ref(suspicion.ref)

        def apply(before: Incident, at: datetime, now: datetime) -> tuple[Incident, str]:
            attribution = (
                Attribution(suspicion.cause, suspicion.confidence, suspicion.ref, occasion.text, current_principal_name(), at)
                if suspicion
                else None
            )
            return attribute(before, attribution, now), with_note(_cause_line(before, suspicion), occasion.text)

        return await self._say(incident_id, occasion, (TimelineKind.CAUSE, IncidentChange.CAUSE), apply)

    async def _check_ref(self, ref: str) -> None:
        change_id = change_id_of(ref)
        if change_id:
            try:
                await self._changes.get(change_id)
            except ChangeNotFound:
                raise ChangeNotFound(ref, "ref") from None

    async def _say(
        self,
        incident_id: UUID,
        occasion: Occasion,
        what: tuple[TimelineKind, IncidentChange],
        apply: Callable[[Incident, datetime, datetime], tuple[Incident, str]],
    ) -> Incident:
        now = self._clock.now()
        at = occasion.happened(now)
        kind, told = what

        def change(before: Incident) -> tuple[Incident, Sequence[TimelineEntry], Sequence[object]]:
            when = max(at, before.opened_at)
            after, line = apply(before, when, now)
            if after == before:
                return after, [], []
            return after, [occasion.entry(after, kind, when, line, now)], [changed(after, told)]

        return await self._store.change(incident_id, occasion.etag, change)


def _role_line(before: Incident, role: Role, person: str) -> str:
    was = holder(before, role)
    after = f"{role.name.lower()} is {person}" if person else f"nobody is {role.name.lower()}"
    return f"{after}, was {was.person}" if was else after


def _cause_line(before: Incident, suspicion: Suspicion | None) -> str:
    was = f", was {_words(before.attribution.cause)}" if before.attribution else ""
    if suspicion is None:
        return f"cause taken back{was}"
    ref = f" {suspicion.ref}" if suspicion.ref else ""
    return f"cause {_words(suspicion.cause)}{ref}, {suspicion.confidence:.0%} sure{was}"


def _words(cause: Cause) -> str:
    return cause.name.lower().replace("_", " ")
