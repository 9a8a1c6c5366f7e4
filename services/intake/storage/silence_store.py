"""Silences in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, true

from services.intake.domain.errors import SilenceNotFound
from services.intake.domain.muting_events import SilenceChanged
from services.intake.domain.silence import MOST_IN_FORCE, Silence, SilenceState
from services.intake.storage.muting_rows import silence_from_row, silence_to_row
from services.intake.storage.muting_tables import silence, silence_version
from services.intake.storage.versioned_store import Shape, VersionedStore
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_SHAPE = Shape("silences", silence, silence_version, silence_from_row, silence_to_row, SilenceChanged, SilenceNotFound, MOST_IN_FORCE)


class SilenceStore(VersionedStore[Silence]):
    """Silences and their versions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        super().__init__(database, outbox, _SHAPE)

    async def in_states(self, states: Sequence[SilenceState], now: datetime, query: PageQuery) -> Page[Silence]:
        """Returns a page of those that stand so at `now`, newest first; of all when no state is named."""
        conditions = {
            SilenceState.PENDING: and_(silence.c.starts_at > now, silence.c.ends_at > now),
            SilenceState.ACTIVE: and_(silence.c.starts_at <= now, silence.c.ends_at > now),
            SilenceState.EXPIRED: silence.c.ends_at <= now,
        }
        return await self.page(or_(*(conditions[each] for each in states)) if states else true(), query)
