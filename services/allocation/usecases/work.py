"""Work: recording, correcting, importing and reading it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.allocation.domain.errors import FieldRefused
from services.allocation.domain.sprint import check_sprint
from services.allocation.domain.work import Categories, WorkClass, WorkRecord, class_of, reversal_of
from services.allocation.storage.team_store import TeamStore
from services.allocation.storage.work_store import WorkQuery, WorkStore
from shared.clock import Clock
from shared.errors import BallastError, check_reason
from shared.ids import name_of, new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name


@dataclass(frozen=True, slots=True)
class Corrected:
    """A record, what takes it back, and what stands in for it."""

    original: WorkRecord
    reversal: WorkRecord
    replacement: WorkRecord | None


class Work:
    """What is done with work records."""

    def __init__(self, store: WorkStore, teams: TeamStore, categories: Categories, clock: Clock) -> None:
        self.categories = categories
        self._store = store
        self._teams = teams
        self._clock = clock

    async def record(self, records: Sequence[WorkRecord]) -> list[WorkRecord]:
        """Raises what `check_work` raises; then nothing is stored."""
        return await self._store.record([self._named(record) for record in records], self._clock.now())

    async def take(self, team: str, records: Sequence[tuple[int, WorkRecord]]) -> dict[int, WorkRecord | BallastError]:
        """Stores the good ones; returns what became of each, by its place. Raises TeamNotFound."""
        named = [(place, self._named(record)) for place, record in records]
        refused = await self._store.take(team, named, self._clock.now())
        return {place: refused.get(place, record) for place, record in named}

    async def correct(self, team: str, name: str, reason: str, replacement: WorkRecord | None) -> Corrected:
        """Raises InvalidInput with REASON_EMPTY, WorkRecordNotFound, WorkAlreadyCorrected, and what recording raises."""
        check_reason("reason", reason)
        if replacement and replacement.team != team:
            rule = f"is {replacement.team}, and the record is of {team}; take it back, and record it under the other team"
            raise FieldRefused.at("replacement.team", rule)
        original = await self._store.get(team, name)
        named = replace(self._named(replacement), replaces=name, correction_reason=reason) if replacement else None
        reversal = reversal_of(original, self._new_name(), reason, current_principal_name())
        await self._store.correct(original, reversal, named, self._clock.now())
        return Corrected(replace(original, is_corrected=True), reversal, named)

    async def page(self, query: WorkQuery, sprint: int, paging: PageQuery) -> Page[WorkRecord]:
        """Returns a page of the team's records; of one sprint unless it is 0. Raises TeamNotFound or SprintOutOfRange."""
        team = await self._teams.get(query.team)
        if sprint:
            check_sprint("filter.sprint", sprint, team.cadence)
            span = team.cadence.sprint(sprint)
            query = replace(query, begin=span.begin_at, end=span.end_at)
        return await self._store.page(query, paging)

    def _named(self, record: WorkRecord) -> WorkRecord:
        known: WorkClass | None = class_of(record, self.categories) if record.category in self.categories or not record.category else None
        return replace(record, name=self._new_name(), work_class=known, author=current_principal_name())

    def _new_name(self) -> str:
        return name_of("workRecords", new_id(self._clock.now()))
