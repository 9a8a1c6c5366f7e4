"""Labelling: keeping what triage said of incidents in the end, and the word of people on what they were."""

from services.triage.domain.incident import Incident, IncidentState
from services.triage.domain.label import SeverityLabel, close
from services.triage.storage.label_store import LabelStore
from services.triage.usecases.assessments import Kept
from shared.clock import Clock


class Labels:
    """What calibration measures by."""

    def __init__(self, store: LabelStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def hear(self, incident: Incident, kept: Kept, rating: SeverityLabel | None) -> None:
        """Keeps what an event says of an incident that was just assessed: that it is over, and how bad people say it was."""
        if rating is not None:
            await self.say(rating)
        if incident.merged_into:
            await self._store.forget(incident.name)
        elif incident.state is IncidentState.RESOLVED:
            ended_at = incident.resolved_at or self._clock.now()
            await self._store.close(close(incident, kept.around, kept.standards, kept.assessment, ended_at))

    async def say(self, label: SeverityLabel) -> None:
        """Keeps the word of a person on an incident, over or not; the newest counts."""
        await self._store.say(label)
