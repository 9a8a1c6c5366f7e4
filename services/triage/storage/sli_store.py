"""Indicator series in PostgreSQL: samples in, and sums between any two times out.

Kept: points to the minute for a day, to 5 minutes for a week, to the hour for 100 days, to the day for good; samples for two hours
beyond the newest of their SLO.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.error_budget import Floats
from services.triage.domain.sli_series import Gain, Point, Refusal, Sample, accumulate, fault_of, minute_of, summed, take
from services.triage.domain.slo import Slo
from services.triage.domain.time_slice import EVENTS, Slicing, slice_points, slicings_of
from services.triage.storage import sli_statements as statements
from services.triage.storage.budget_tables import sli_point, sli_series
from shared.storage.database import Database

Ints = NDArray[np.int64]
# From what age on which detail is kept; the last step is looked at from this far back.
_DETAIL = ((timedelta(days=1), 5), (timedelta(days=7), 60), (timedelta(days=100), 1440))
_SAMPLE_MINUTES = 120


@dataclass(frozen=True, slots=True)
class Series:
    """A series and the minutes its events lie between; None before the first."""

    id: int
    first_minute: int | None
    newest_minute: int | None


class SliStore:
    """What was counted of each SLO."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, samples: Sequence[Sample], slos: Mapping[str, Slo], now: datetime) -> list[Refusal | None]:
        """Adds samples, each to the SLO it names in `slos`, and says for each why it was refused: one alone does not stop the others.

        Safe to repeat: a sample that is held already is taken again without effect.
        """
        async with self._database.transaction() as connection:
            return await _Recording(connection, slos, now).run(samples) if samples else []

    async def series(self, slos: Sequence[str] | None = None) -> dict[tuple[str, str], Series]:
        """Returns the series of these SLOs, or every one, by SLO and slicing."""
        columns = sli_series.c
        statement = select(columns.slo, columns.slicing, columns.id, columns.first_minute, columns.newest_minute)
        if slos is not None:
            statement = statement.where(columns.slo.in_(slos))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(statement)).all()
        return {(slo, slicing): Series(*rest) for slo, slicing, *rest in rows}

    async def sums(self, series: Ints, minutes: Ints) -> tuple[Floats, Floats]:
        """Returns good and total counted in these series before these minutes, in the order asked."""
        if not len(series):
            return np.zeros(0), np.zeros(0)
        async with self._database.transaction() as connection:
            asked = {"series": series.tolist(), "minutes": minutes.tolist()}
            row = (await connection.execute(statements.SUMS, asked)).one()
        return np.array(row.good, dtype=np.float64), np.array(row.total, dtype=np.float64)

    async def thin(self, now: datetime) -> None:
        """Drops the detail that is no longer kept, and samples before which none can come any more."""
        minute = minute_of(now)
        async with self._database.transaction() as connection:
            for age, step in _DETAIL:
                before = minute - age // timedelta(minutes=1)
                # Twice the step's own span: what a stop of some days left is made up for.
                since = before - 2 * max(age // timedelta(minutes=1), 10_080)
                await connection.execute(statements.THIN, {"since": since, "before": before, "step": step})
            await connection.execute(statements.FORGET_SAMPLES, {"minutes": _SAMPLE_MINUTES})

    async def point_count(self) -> int:
        """Returns how many points are kept."""
        async with self._database.transaction() as connection:
            return len((await connection.execute(select(sli_point.c.series))).all())


class _Recording:
    """One batch of samples on its way into the series, in one transaction."""

    def __init__(self, connection: AsyncConnection, slos: Mapping[str, Slo], now: datetime) -> None:
        self._connection = connection
        self._slos = slos
        self._now = now
        self._series: dict[tuple[str, str], Any] = {}

    async def run(self, samples: Sequence[Sample]) -> list[Refusal | None]:
        await self._lock(sorted({each.slo for each in samples}))
        held = await self._held(samples)
        gains, taken, refusals = self._take(samples, held)
        if taken:
            await self._keep(taken)
            await self._accumulate(gains)
        return refusals

    async def _lock(self, names: Sequence[str]) -> None:
        pairs = [(name, key) for name in names for key in (EVENTS, *(each.key for each in slicings_of(self._slos[name])))]
        columns = {
            "slos": [name for name, _ in pairs],
            "slicings": [key for _, key in pairs],
            "components": [self._slos[name].component for name, _ in pairs],
        }
        await self._connection.execute(statements.ENSURE_SERIES, columns)
        rows = await self._connection.execute(statements.LOCK_SERIES, {"slos": names})
        self._series = {(row.slo, row.slicing): row for row in rows}

    async def _held(self, samples: Sequence[Sample]) -> dict[tuple[str, str], list[Sample]]:
        since: dict[tuple[str, str], datetime] = {}
        for each in samples:
            key = (each.slo, each.source)
            since[key] = min(since.get(key, each.at), each.at)
        asked = {
            "series": [self._series[slo, EVENTS].id for slo, _ in since],
            "sources": [source for _, source in since],
            "since": list(since.values()),
        }
        names = {row.id: slo for (slo, slicing), row in self._series.items() if slicing == EVENTS}
        found: dict[tuple[str, str], list[Sample]] = {key: [] for key in since}
        for row in await self._connection.execute(statements.HELD_SAMPLES, asked):
            slo = names[row.series]
            found[slo, row.source].append(Sample(slo, row.source, row.at, row.good, row.total, row.is_reset))
        return found

    def _take(
        self, samples: Sequence[Sample], held: dict[tuple[str, str], list[Sample]]
    ) -> tuple[dict[str, list[Gain]], list[Sample], list[Refusal | None]]:
        gains: dict[str, list[Gain]] = {}
        taken: list[Sample] = []
        refusals: list[Refusal | None] = [None] * len(samples)
        newest = {slo: row.newest_minute for (slo, slicing), row in self._series.items() if slicing == EVENTS}
        # Oldest first: what one batch brings is never late because of its own order.
        for place, sample in sorted(enumerate(samples), key=lambda each: each[1].at):
            before = held[sample.slo, sample.source]
            found = fault_of(sample, newest[sample.slo], self._now) or take(
                before, sample, is_counter=self._slos[sample.slo].indicator.is_counter
            )
            if isinstance(found, Refusal):
                refusals[place] = found
            elif found:
                gains.setdefault(sample.slo, []).extend(found)
                taken.append(sample)
                before.append(sample)
                before.sort(key=lambda each: each.at)
                newest[sample.slo] = max(newest[sample.slo] or 0, minute_of(sample.at))
        return gains, taken, refusals

    async def _keep(self, taken: Sequence[Sample]) -> None:
        columns = {
            "series": [self._series[each.slo, EVENTS].id for each in taken],
            "sources": [each.source for each in taken],
            "at": [each.at for each in taken],
            "good": [each.good for each in taken],
            "total": [each.total for each in taken],
            "resets": [each.is_reset for each in taken],
        }
        await self._connection.execute(statements.KEEP_SAMPLES, columns)

    async def _accumulate(self, gains: Mapping[str, Sequence[Gain]]) -> None:
        by_slo = {slo: summed(each) for slo, each in gains.items()}
        first = {slo: min(each) for slo, each in by_slo.items()}
        begins = {slo: min(begin_of(first[slo], each) for each in (Slicing(1, None), *slicings_of(self._slos[slo]))) for slo in by_slo}
        points = await self._points({self._series[slo, EVENTS].id: begin for slo, begin in begins.items()})
        wanted = {self._series[slo, each.key].id: begin_of(first[slo], each) for slo in by_slo for each in slicings_of(self._slos[slo])}
        slices = await self._points(wanted)
        made: dict[int, list[Point]] = {}
        for slo, each in by_slo.items():
            series = self._series[slo, EVENTS].id
            before = points.get(series, [])
            made[series] = accumulate(before, each)
            events = [point for point in before if point.minute < first[slo]] + made[series]
            for slicing in slicings_of(self._slos[slo]):
                sliced = self._series[slo, slicing.key].id
                last = next((point for point in slices.get(sliced, ()) if point.minute < wanted[sliced]), None)
                made[sliced] = slice_points(events, last, slicing, first[slo])
        await self._put(made)

    async def _points(self, since: Mapping[int, int]) -> dict[int, list[Point]]:
        found: dict[int, list[Point]] = {}
        if since:
            asked = {"series": list(since), "minutes": list(since.values())}
            for series, minute, good, total in await self._connection.execute(statements.POINTS, asked):
                found.setdefault(series, []).append(Point(minute, good, total))
        return found

    async def _put(self, made: Mapping[int, Sequence[Point]]) -> None:
        rows = [(series, point) for series, points in made.items() for point in points]
        columns = {
            "series": [series for series, _ in rows],
            "minutes": [point.minute for _, point in rows],
            "good": [point.good for _, point in rows],
            "total": [point.total for _, point in rows],
        }
        await self._connection.execute(statements.PUT_POINTS, columns)
        reached = {series: points for series, points in made.items() if points}
        moved = {
            "series": list(reached),
            "first": [points[0].minute for points in reached.values()],
            "newest": [points[-1].minute for points in reached.values()],
        }
        await self._connection.execute(statements.MOVE_SERIES, moved)


def begin_of(minute: int, slicing: Slicing) -> int:
    """Returns the first minute of the slice that holds `minute`."""
    return minute - minute % slicing.minutes
