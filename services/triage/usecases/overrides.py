"""Overriding: a person's severity in place of the assessed one, until it is taken back."""

from services.triage.domain.assessment import Assessment
from services.triage.domain.human_override import OverrideRecord
from services.triage.domain.severity import Severity
from services.triage.storage.assessment_store import AssessmentStore, Held
from services.triage.storage.override_store import OverrideStore
from services.triage.usecases.assessments import Assessments
from shared.clock import Clock
from shared.errors import Unavailable, check_reason
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.storage.etags import check_etag

_MOST_TRIES = 8


class Overrides:
    """What people say of a severity, and the record of it."""

    def __init__(self, store: AssessmentStore, records: OverrideStore, assessments: Assessments, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._assessments = assessments
        self._clock = clock

    async def give(self, name: str, severity: Severity, reason: str, etag: str) -> Assessment:
        """Lets the severity count on behalf of the caller. Raises InvalidInput for an empty reason, and Conflict when
        `etag` is given and not that of the newest revision."""
        return await self._say(name, severity, reason, etag)

    async def take_back(self, name: str, reason: str, etag: str) -> Assessment:
        """Lets the assessed severity count again; does nothing where nobody gave one. Raises as `give` does."""
        return await self._say(name, None, reason, etag)

    async def page(self, incident: str, paging: PageQuery) -> Page[OverrideRecord]:
        return await self._records.page(incident, paging)

    async def _say(self, name: str, severity: Severity | None, reason: str, etag: str) -> Assessment:
        check_reason("reason", reason)
        trigger = "SEVERITY_OVERRIDDEN" if severity else "OVERRIDE_WITHDRAWN"
        for _ in range(_MOST_TRIES):
            held = await self._store.held(name)
            check_etag(held.assessment.name, held.assessment.revision, etag)
            if severity is None and held.assessment.finding.human_override is None:
                return held.assessment
            judge = await self._assessments.judge(held.incident)
            said = self._record(held, severity, reason)
            after = await self._store.revisit(held, judge, self._assessments.occasion(trigger), said)
            if after is not None:
                return after
        raise Unavailable(f"{name} changes all the time; try again", reason="CONTENDED")

    def _record(self, held: Held, severity: Severity | None, reason: str) -> OverrideRecord:
        return OverrideRecord(
            held.incident.name,
            held.assessment.revision,
            held.assessment.finding.assessed_severity,
            severity,
            reason,
            current_principal_name(),
            self._clock.now(),
        )
