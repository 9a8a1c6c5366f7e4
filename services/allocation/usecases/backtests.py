"""Trying policies on the past, recorded or brought along; in threads, part by part, so that it can be stopped."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from services.allocation.domain.backtest import Backtest, Design, backtest
from services.allocation.domain.backtest_past import (
    FEWEST_JUDGED,
    MOST_CELLS,
    MOST_INCIDENTS,
    GivenPeriod,
    TeamPast,
    given_violations,
    past_from_given,
)
from services.allocation.domain.backtest_recorded import MOST_SPRINTS, past_of
from services.allocation.domain.errors import BacktestTooLarge, FieldRefused, PastInvalid, PastTooShort
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_check import check_body
from services.allocation.domain.quantity import counted
from services.allocation.storage.backtest_store import BacktestStore
from services.allocation.storage.policy_store import PolicyStore
from shared.clock import Clock
from shared.ids import id_of

_AT_ONCE = 2  # back-tests that run; others wait for their turn until their deadlines


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy by name, at a revision or the newest when 0."""

    name: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class GivenPast:
    """A team's past as callers give it."""

    team: str
    periods: tuple[GivenPeriod, ...]
    period_days: float


@dataclass(frozen=True, slots=True)
class BacktestAsked:
    """What is asked for; `design` without its policies, which are to be found first."""

    policies: tuple[StoredPolicy | AllocationPolicy, ...] = ()
    teams: tuple[str, ...] = ()
    given: tuple[GivenPast, ...] = ()
    sprints: int = MOST_SPRINTS
    design: Design = field(default_factory=lambda: Design(()))


@dataclass(frozen=True, slots=True)
class Progress:
    """Team-periods done of all."""

    done: int
    total: int


class Backtests:
    """Back-tests; nothing is stored."""

    def __init__(self, store: BacktestStore, policies: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def run(self, asked: BacktestAsked, tell: Callable[[Progress], None]) -> Backtest:
        """Raises PastInvalid, PastTooShort, BacktestTooLarge, FieldRefused, TeamNotFound and what finding a policy raises."""
        policies = [await self._found(place, each) for place, each in enumerate(asked.policies)]
        _check_once(policies)
        design = replace(asked.design, policies=tuple(policies))
        pasts, warnings = (await asyncio.to_thread(_given, asked), ()) if asked.given else await self._recorded(asked)
        total = sum(len(each.capacities) for each in pasts)
        _check_size(asked, total, sum(len(each.incidents) for each in pasts))
        async with self._turn:
            tell(Progress(0, total))
            found = await _worked(backtest(pasts, design), lambda done: tell(Progress(done, total)))
        return replace(found, warnings=(*warnings, *found.warnings))

    async def _found(self, place: int, asked: StoredPolicy | AllocationPolicy) -> tuple[str, AllocationPolicy]:
        if isinstance(asked, AllocationPolicy):
            check_body(f"policies[{place}].body", asked)
            return f"{id_of(asked.name)}@body{place}", asked
        found = (
            await self._policies.get(asked.name, asked.revision)
            if asked.revision
            else await self._policies.newest(asked.name, self._clock.now())
        )
        return f"{id_of(found.name)}@{found.revision}", found

    async def _recorded(self, asked: BacktestAsked) -> tuple[list[TeamPast], tuple[str, ...]]:
        """Returns the pasts that are long enough, and words about those that are not."""
        now = self._clock.now()
        recorded = await self._store.recorded(asked.teams, now)
        pasts = await asyncio.to_thread(lambda: [past_of(each, now, asked.sprints) for each in recorded])
        needed = asked.design.warm_up + FEWEST_JUDGED
        kept = [each for each in pasts if len(each.capacities) >= needed]
        if not kept:
            raise PastTooShort(max((len(each.capacities) for each in pasts), default=0), needed)
        warnings = [
            f"{each.team} is left out: it has {counted(len(each.capacities), 'finished sprint')}, and it takes {needed}."
            for each in pasts
            if len(each.capacities) < needed
        ]
        if unworked := sum(each.unworked for each in recorded):
            total = sum(len(each.facts) for each in recorded)
            warnings.append(f"Nobody recorded work on {unworked:,} of {counted(total, 'incident')}, so these count as no hours.")
        return kept, tuple(warnings)


async def _worked(parts: Generator[int, None, Backtest], tell: Callable[[int], None]) -> Backtest:
    """Works part by part, each in a thread; when it is cancelled, the part under way is the last."""
    done = 0
    while True:
        found = await asyncio.to_thread(_advanced, parts)
        if isinstance(found, Backtest):
            return found
        done += found
        tell(done)


def _advanced(parts: Generator[int, None, Backtest]) -> int | Backtest:
    try:
        return next(parts)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # of a generator that returns a Backtest


def _given(asked: BacktestAsked) -> list[TeamPast]:
    if asked.teams:
        raise FieldRefused.at("teams", "names teams whose recorded past is to be used, beside histories; send one or the other")
    found = []
    seen: dict[str, int] = {}
    for place, each in enumerate(asked.given):
        if seen.setdefault(each.team, place) != place:
            raise FieldRefused.at(f"histories[{place}].team", f"repeats {each.team} of histories[{seen[each.team]}]; give each team once")
        found += given_violations(f"histories[{place}]", each.periods, each.period_days, asked.design.warm_up)
        if len(found) > 100:
            break
    if found:
        raise PastInvalid(found)
    return [past_from_given(each.team, each.periods, each.period_days) for each in asked.given]


def _check_once(policies: Sequence[tuple[str, AllocationPolicy]]) -> None:
    seen: dict[str, int] = {}
    for place, (key, _) in enumerate(policies):
        if seen.setdefault(key, place) != place:
            raise FieldRefused.at(f"policies[{place}]", f"repeats {key} of policies[{seen[key]}]; name each version once")


def _check_size(asked: BacktestAsked, cells: int, incidents: int) -> None:
    field_ = "histories" if asked.given else "period_count"
    if cells > MOST_CELLS:
        raise BacktestTooLarge(field_, f"{cells:,} team-periods", f"{MOST_CELLS:,}")
    if incidents > MOST_INCIDENTS:
        raise BacktestTooLarge(field_, f"{incidents:,} incidents", f"{MOST_INCIDENTS:,}")
