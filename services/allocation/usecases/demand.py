"""Foretelling the demand for remediation, from what is recorded or from histories that callers bring."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from services.allocation.domain.demand_change import DemandChange, Watch, changes, watch_violations
from services.allocation.domain.demand_forecast import DemandForecast, Question, Wanted, forecasts, pooled
from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.demand_question import Asked, RecordedDemand, Refusal, check_wanted, refusal_of, refuse
from services.allocation.storage.demand_store import DemandStore
from shared.clock import Clock

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with the history it was answered by; `begin_at` is when the first sprint forecast begins, if its team is stored."""

    asked: Asked
    history: DemandHistory
    begin_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Posed:
    """Questions by where they stand in the request, with the histories all of their kind learn from."""

    places: list[int]
    answered: list[Answered]
    histories: list[DemandHistory]


class Demand:
    """What may be asked about the demand for remediation."""

    def __init__(self, store: DemandStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def forecast(
        self, questions: Sequence[Asked | Refusal], wanted: Wanted, *, with_curves: bool = False
    ) -> list[tuple[Answered, DemandForecast] | Refusal]:
        """Returns the forecast of each team, or why it is refused. Raises InvalidInput for what no team can be asked."""
        check_wanted(wanted, len(questions), with_curves=with_curves)

        def compute(posed: _Posed) -> list[DemandForecast]:
            asked = [Question(each.history, each.asked.backlog_hours, each.asked.capacity_hours) for each in posed.answered]
            return forecasts(asked, pooled(posed.histories, wanted), wanted)

        return await self._answer(questions, compute)

    async def change(self, questions: Sequence[Asked | Refusal], watch: Watch) -> list[tuple[Answered, DemandChange] | Refusal]:
        """Returns what the chart of each team says, or why it is refused. Raises InvalidInput for a chart that cannot be."""
        refuse(watch_violations(watch))
        return await self._answer(questions, lambda posed: changes([each.history for each in posed.answered], watch))

    async def _answer(
        self, questions: Sequence[Asked | Refusal], compute: Callable[[_Posed], list[Found]]
    ) -> list[tuple[Answered, Found] | Refusal]:
        """Answers what can be, those with a history apart from those without; in a thread, as others are served meanwhile."""
        checked = _checked(questions)
        answers: list[tuple[Answered, Found] | Refusal | None] = [each if isinstance(each, Refusal) else None for each in checked]
        for posed in await self._posed(checked, answers):
            for place, answered, found in zip(posed.places, posed.answered, await asyncio.to_thread(compute, posed), strict=True):
                answers[place] = (answered, found)
        return [each for each in answers if each is not None]

    async def _posed(self, checked: Sequence[Asked | Refusal], answers: list[tuple[Answered, Found] | Refusal | None]) -> list[_Posed]:
        """Returns the questions that have an answer; writes down why the others have none."""
        brought = _Posed([], [], [])
        recorded = _Posed([], [], [])
        unread = [each for each in checked if isinstance(each, Asked) and each.history is None]
        now = self._clock.now()
        known = await self._store.recorded(now) if unread else {}
        recorded.histories.extend(each.history(now)[0] for each in known.values())
        for place, each in enumerate(checked):
            if isinstance(each, Refusal):
                continue
            if each.history is not None:
                _add(brought, place, Answered(each, each.history, None))
                brought.histories.append(each.history)
                continue
            found = _recorded(each, known.get(each.team), now, any(some.counts for some in recorded.histories))
            if isinstance(found, Refusal):
                answers[place] = found
            else:
                _add(recorded, place, found)
        return [each for each in (brought, recorded) if each.places]


def _add(posed: _Posed, place: int, answered: Answered) -> None:
    posed.places.append(place)
    posed.answered.append(answered)


def _checked(questions: Sequence[Asked | Refusal]) -> list[Asked | Refusal]:
    seen: dict[str, int] = {}
    found: list[Asked | Refusal] = []
    for place, each in enumerate(questions):
        if isinstance(each, Asked) and seen.setdefault(each.team, place) != place:
            found.append(
                Refusal("FIELD_INVALID", "team", f"{each.team} is asked in questions[{seen[each.team]}] already; ask each team once")
            )
        else:
            found.append((refusal_of(each) or each) if isinstance(each, Asked) else each)
    return found


def _recorded(asked: Asked, held: RecordedDemand | None, now: datetime, is_told: bool) -> Answered | Refusal:
    if held is None:
        remedy = "store it with UpsertTeams, or give a history"
        return Refusal("TEAM_NOT_FOUND", "team", f"{asked.team} does not exist; {remedy}")
    history, first = held.history(now)
    if not is_told:
        return Refusal("HISTORY_EMPTY", "team", "no sprint of any team was observed from its beginning to its end yet; give a history")
    present = held.team.cadence.sprint_at(now)
    capacity = float(held.team.capacity_in(present)) if asked.capacity_hours is None else asked.capacity_hours
    return Answered(replace(asked, first_number=first, capacity_hours=capacity), history, present.begin_at)
