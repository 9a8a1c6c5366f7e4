"""Places: one group's new alerts in a batch, and where they go."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import Disposition
from services.intake.domain.grouping_rule import Placement
from services.intake.usecases.joining import Joining


@dataclass(slots=True)
class Place:
    """The alerts by their positions in the batch; `grows` is an incident that they only make larger (see `standing`)."""

    placement: Placement
    positions: list[int] = field(default_factory=list)
    first_start: datetime | None = None
    last_start: datetime | None = None
    joining: Joining | None = None
    grows: UUID | None = None
    disposition: Disposition = Disposition.GROUPED

    @property
    def incident_id(self) -> UUID | None:
        return self.joining.before.id if self.joining is not None else self.grows

    def add(self, position: int, begin: datetime) -> None:
        self.positions.append(position)
        if self.first_start is None or begin < self.first_start:
            self.first_start = begin
        if self.last_start is None or begin > self.last_start:
            self.last_start = begin
