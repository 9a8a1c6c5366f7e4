"""Publishing events: those of other systems become alerts, changes or beats, each once."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from services.intake.domain.change import ChangeReport
from services.intake.domain.item import Refusal
from services.intake.domain.publication import IGNORED, Became, Disposition, EventKey, waves
from services.intake.storage.published_store import PublishedStore
from services.intake.usecases.alert_intake import AlertIntake
from services.intake.usecases.changes import Changes
from services.intake.usecases.heartbeats import Beat, Heartbeats
from services.intake.usecases.reports import RawReport


@dataclass(frozen=True, slots=True)
class Published:
    """An event that was understood: what identifies it, where it stands in the request, and what it says; None for nothing of ours."""

    key: EventKey
    place: str
    traceparent: str
    content: RawReport | ChangeReport | Beat | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event became, and whether it was taken before."""

    became: Became
    is_duplicate: bool = False


Answer = Taken | Refusal
Continue = Callable[[str], AbstractContextManager[object]]


class PublishEvents:
    """Takes batches of events. An event counts as taken only after what it became is durable: a crash in between brings it again,
    and alerts, changes and beats told again are repeats by their content.
    """

    def __init__(
        self, store: PublishedStore, alerts: AlertIntake, changes: Changes, heartbeats: Heartbeats, continue_trace: Continue
    ) -> None:
        """`continue_trace` opens a span of the trace that a `traceparent` names."""
        self._store = store
        self._alerts = alerts
        self._changes = changes
        self._heartbeats = heartbeats
        self._continue = continue_trace

    async def __call__(self, events: Sequence[Published | Refusal]) -> list[Answer]:
        """Takes each event by itself and answers for each in their order."""
        firsts: dict[EventKey, int] = {}
        for index, event in enumerate(events):
            if isinstance(event, Published):
                firsts.setdefault(event.key, index)
        known = await self._store.known(list(firsts))
        fresh = {index: event for key, index in firsts.items() if key not in known and isinstance(event := events[index], Published)}
        became = await self._taken(fresh)
        lost = await self._remembered(fresh, became)
        return [self._answer(index, event, firsts, known | lost, became) for index, event in enumerate(events)]

    def _answer(
        self,
        index: int,
        event: Published | Refusal,
        firsts: dict[EventKey, int],
        known: dict[EventKey, Became],
        became: dict[int, Became | Refusal],
    ) -> Answer:
        if isinstance(event, Refusal):
            return event
        if event.key in known:
            return Taken(known[event.key], is_duplicate=True)
        result = became[firsts[event.key]]
        return result if isinstance(result, Refusal) else Taken(result, is_duplicate=index != firsts[event.key])

    async def _taken(self, fresh: dict[int, Published]) -> dict[int, Became | Refusal]:
        """Applies the events; those about the same signal in their order, others at once."""
        became: dict[int, Became | Refusal] = {index: IGNORED for index, event in fresh.items() if event.content is None}
        for wave in waves((_about(event), index) for index, event in fresh.items() if event.content is not None):
            groups: dict[tuple[type, str, str], list[int]] = defaultdict(list)
            for index in wave:
                event = fresh[index]
                groups[type(event.content), event.key.source, event.traceparent].append(index)
            applied = await asyncio.gather(*(self._apply([fresh[index] for index in group]) for group in groups.values()))
            for group, results in zip(groups.values(), applied, strict=True):
                became.update(zip(group, results, strict=True))
        return became

    async def _apply(self, events: Sequence[Published]) -> list[Became | Refusal]:
        """Applies events of one kind, one source and one trace."""
        source, places = events[0].key.source, [event.place for event in events]
        contents = [event.content for event in events]
        with self._continue(events[0].traceparent):
            if reports := [each for each in contents if isinstance(each, RawReport)]:
                return [_became(Disposition.ALERT, each) for each in await self._alerts(source, reports, places)]
            if changes := [each for each in contents if isinstance(each, ChangeReport)]:
                taken = await self._changes.report(source, changes, places)
                return [each if isinstance(each, Refusal) else Became(Disposition.CHANGE, each[0].name) for each in taken]
            beats = [each for each in contents if isinstance(each, Beat)]
            beaten = await self._heartbeats.beat(beats, places)
            return [each if isinstance(each, Refusal) else Became(Disposition.BEAT, each.name) for each in beaten]

    async def _remembered(self, fresh: dict[int, Published], became: dict[int, Became | Refusal]) -> dict[EventKey, Became]:
        """Notes what the events became; returns those that another call at the same time had noted first, with what it noted."""
        taken = {fresh[index].key: each for index, each in became.items() if isinstance(each, Became)}
        lost = set(taken) - await self._store.remember(taken)
        return await self._store.known(list(lost))


def _about(event: Published) -> object:
    """Returns what an event is about, as far as the order of two events about it matters."""
    content = event.content
    if isinstance(content, RawReport):
        return event.key.source, content.key or frozenset(content.labels.items())
    return event.key.source, content.key if isinstance(content, ChangeReport) else event.key.id


def _became(disposition: Disposition, answer: str | Refusal) -> Became | Refusal:
    return answer if isinstance(answer, Refusal) else Became(disposition, answer)
