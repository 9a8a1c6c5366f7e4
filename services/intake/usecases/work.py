"""The work of one transaction of the alert path: its reports, what becomes of each, and what each incident gains."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import ReportOutcome
from services.intake.domain.incident import Incident
from services.intake.storage.batch_rows import LifeRow
from services.intake.usecases.joining import EVIDENCE_MARK, Group, Joining
from services.intake.usecases.receipts import Receipts, blank_receipts
from services.intake.usecases.reports import Reports
from services.intake.usecases.routing import Routing
from shared.events.outbox import Headers


@dataclass(slots=True)
class Growth:
    """How much one incident grows in a batch, by alerts that fire."""

    count: int
    first_start: datetime
    last_start: datetime


@dataclass(slots=True)
class Work:
    """Everything a batch touches, by position in the columns of `reports`."""

    reports: Reports
    routing: Routing
    now: datetime
    offsets: Sequence[int]  # where each call's reports begin
    causes: Sequence[Headers]  # of each call
    receipts: Receipts = field(init=False)
    joinings: dict[UUID, Joining] = field(default_factory=dict)  # by incident
    new: dict[UUID, Incident] = field(default_factory=dict)  # incidents this batch opens
    absorbed: dict[UUID, tuple[Incident, Joining]] = field(default_factory=dict)  # incidents that went into others
    sources: set[int] = field(default_factory=set)  # reports whose alerts may inhibit others
    flapping: set[int] = field(default_factory=set)  # reports whose signal began again and again of late
    pasts: dict[int, Sequence[LifeRow]] = field(default_factory=dict)  # of reports by which a signal begins again, its alerts before
    revise: list[int] = field(default_factory=list)  # reports that change the past of their signal
    rearrange: dict[str, Group] = field(default_factory=dict)  # groups whose alerts may be other incidents by event time, by key
    moved: dict[UUID, UUID] = field(default_factory=dict)  # the incident of alerts that were re-arranged
    growth: dict[UUID, Growth] = field(default_factory=dict)  # by incident, what only makes it larger
    matched: Counter[int] = field(default_factory=Counter)  # alerts that each grouping rule took, by its index
    repeats: dict[UUID, int] = field(default_factory=dict)  # reports that say nothing new, by signal

    telling: frozenset[int] = field(init=False)  # reports that say something of the impact

    def __post_init__(self) -> None:
        self.telling = frozenset(at for at, text in enumerate(self.reports.annotation_texts) if EVIDENCE_MARK in text)
        self.receipts = blank_receipts(len(self.reports))

    def cause_of(self, position: int) -> Headers:
        return self.causes[bisect_right(self.offsets, position) - 1]

    def joining(self, incident: Incident, position: int) -> Joining:
        """Returns what the batch brings to the incident so far, or to the one that it goes into."""
        if incident.id in self.absorbed:
            return self.absorbed[incident.id][1]
        found = self.joinings.get(incident.id)
        if found is None:
            found = self.joinings[incident.id] = Joining(incident, self.cause_of(position))
        return found

    def repeat(self, position: int) -> None:
        """Counts a report that says nothing new."""
        signal = self.reports.fingerprints[position]
        self.repeats[signal] = self.repeats.get(signal, 0) + 1

    def receipt(self, position: int, alert_id: UUID | None, incident_id: UUID | None, outcome: ReportOutcome) -> None:
        self.receipts.alert_ids[position] = alert_id
        self.receipts.incident_ids[position] = incident_id
        self.receipts.outcomes[position] = outcome
