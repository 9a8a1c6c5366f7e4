"""Silencing alerts: creating, changing and ending silences, and seeing beforehand what one would mute."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.intake.domain.matcher import Matchers, Operator, accept
from services.intake.domain.silence import Silence, SilenceChange, SilenceEdit, SilenceState, check_silence, edit, expire
from services.intake.storage.firing_alerts import FiringAlert, FiringAlerts
from services.intake.storage.silence_store import SilenceStore
from shared.clock import Clock
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

MOST_LOOKED_AT = 50_000
MOST_SHOWN = 20
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewSilence:
    """What is to be silenced: until a time, or for so long after the begin."""

    matchers: Matchers
    starts_at: datetime | None
    ends_at: datetime | None
    duration: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The firing alerts a silence would mute: how many of those looked at, some of them, and whether some were not looked at."""

    count: int
    some: tuple[FiringAlert, ...]
    is_partial: bool


class Silences:
    """What responders do with silences."""

    def __init__(self, store: SilenceStore, alerts: FiringAlerts, clock: Clock) -> None:
        self._store = store
        self._alerts = alerts
        self._clock = clock

    async def create(self, new: NewSilence, *, validate_only: bool) -> tuple[Silence, Preview | None]:
        """Returns the silence, stored; or, unstored, with what it would mute now. Raises what `check_silence` and the store do."""
        now = self._clock.now()
        silence = _created(new, now)
        check_silence(silence, now)
        if validate_only:
            return silence, await self._preview(silence)
        await self._store.add(silence, now)
        return silence, None

    async def update(self, identifier: UUID, etag: str, changed: SilenceEdit, reason: str) -> Silence:
        now = self._clock.now()
        return await self._store.change(identifier, etag, lambda before: edit(before, changed, reason, current_principal_name(), now))

    async def expire(self, identifier: UUID, etag: str, reason: str) -> Silence:
        now = self._clock.now()
        return await self._store.change(identifier, etag, lambda before: expire(before, reason, current_principal_name(), now))

    async def get(self, identifier: UUID) -> Silence:
        return await self._store.get(identifier)

    async def page(self, states: tuple[SilenceState, ...], paging: PageQuery) -> Page[Silence]:
        return await self._store.in_states(states, self._clock.now(), paging)

    async def versions(self, identifier: UUID, paging: PageQuery) -> Page[Silence]:
        return await self._store.versions(identifier, paging)

    async def _preview(self, silence: Silence) -> Preview:
        """Looks at the firing alerts that have the values of its equalities, and tries the rest on each."""
        equal = {each.label: each.value for each in silence.matchers if each.operator is Operator.EQUAL and each.value}
        looked_at, count, some = 0, 0, list[FiringAlert]()
        async for alerts in self._alerts.having(equal):
            found = [each for each in alerts if accept(silence.matchers, each.labels)]
            looked_at += len(alerts)
            count += len(found)
            some += found[: MOST_SHOWN - len(some)]
            if looked_at >= MOST_LOOKED_AT:
                return Preview(count, tuple(some), is_partial=True)
        return Preview(count, tuple(some), is_partial=False)


def _created(new: NewSilence, now: datetime) -> Silence:
    author = current_principal_name()
    starts_at = max(new.starts_at or now, now)
    return Silence(
        id=new_id(now),
        version=1,
        matchers=new.matchers,
        starts_at=starts_at,
        ends_at=starts_at + min(new.duration, _END_OF_TIME - starts_at) if new.ends_at is None else new.ends_at,
        reason=new.reason,
        author=author,
        change=SilenceChange.CREATED,
        changed_by=author,
        change_reason="",
        created_at=now,
        updated_at=now,
    )
