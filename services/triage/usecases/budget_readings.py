"""Reading budgets: what was counted of many SLOs in many windows, as columns, in one look at the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.budget_adjustment import BudgetAdjustment, total_share
from services.triage.domain.budget_policy import UNRESTRICTED, Standing
from services.triage.domain.budget_report import BudgetReport, Exclusion, WindowBurn
from services.triage.domain.budget_window import Span, united, window_at
from services.triage.domain.burn_alert import DEFAULT_RULES, WINDOWS, BurnVerdict, verdicts
from services.triage.domain.error_budget import Counted, Floats, Measured, burns_to_act_on, measure, time_to_exhaust
from services.triage.domain.sli_series import minute_of
from services.triage.domain.slo import RollingWindow, Slo
from services.triage.domain.time_slice import EVENTS, slicing_of
from services.triage.storage.budget_store import BudgetStore
from services.triage.storage.sli_store import Ints, Series, SliStore

_HOUR = WINDOWS.index(timedelta(hours=1))
_ABSENT = Series(0, None, None)  # no series has this number: nothing is found of it


@dataclass(frozen=True, slots=True)
class BudgetKey:
    """A budget: the position of an objective in its SLO, and the series that counts it."""

    slo: Slo
    objective: int
    series: Series
    newest_minute: int | None  # of the SLO's events
    span: Span  # its window

    @property
    def target(self) -> float:
        return self.slo.objectives[self.objective].target


@dataclass(frozen=True)  # no slots: one property is worked out once
class BudgetTable:
    """Many budgets at one time, a row each; `windows` names the columns of counts, and the last column is the budget's own window."""

    now: datetime
    keys: Sequence[BudgetKey]
    windows: Sequence[timedelta]
    counted: Counted
    measured: Measured
    excluded_seconds: Floats
    alerts: NDArray[np.int8]
    known: Floats  # share of each window in which something was counted; a column for each, the last is the budget's own
    exclusions: Mapping[str, Sequence[Exclusion]]
    teams: Mapping[str, str]

    @cached_property
    def acting(self) -> Floats:
        """The burns that steps of a policy look at, as `burns_to_act_on` says."""
        return burns_to_act_on(self.measured.burns, self.counted.total, self.known)

    def report(self, row: int, standing: Standing = UNRESTRICTED) -> BudgetReport:
        """Returns one budget as an answer says it."""
        key, burns = self.keys[row], self.measured.burns[row]
        remaining, burn = float(self.measured.remaining[row]), float(burns[_HOUR])
        period = timedelta(seconds=float(self.counted.period_seconds[row]))
        left_out = [each for each in self.exclusions.get(key.slo.component, ()) if each.span.cut(key.span)]
        return BudgetReport(
            slo=key.slo,
            objective=key.objective,
            now=self.now,
            window=key.span,
            counted=timedelta(seconds=float(self.counted.counted_seconds[row])),
            excluded=timedelta(seconds=float(self.excluded_seconds[row])),
            good=float(self.counted.good[row, -1]),
            total=float(self.counted.total[row, -1]),
            burns=tuple(self._burn(row, column, window) for column, window in enumerate(self.windows)),
            alerts=tuple((rule, BurnVerdict(int(each))) for rule, each in zip(DEFAULT_RULES, self.alerts[row], strict=True)),
            used=float(self.measured.used[row]),
            adjusted=float(self.counted.adjusted[row]),
            remaining=remaining,
            exhausted_in=time_to_exhaust(period, burn, remaining) if burn > 0 or remaining <= 0 else None,
            newest_sample=None if key.newest_minute is None else datetime.fromtimestamp(key.newest_minute * 60, UTC),
            exclusions=tuple(left_out),
            team=self.teams.get(key.slo.component, ""),
            standing=standing,
        )

    def _burn(self, row: int, column: int, window: timedelta) -> WindowBurn:
        good, total = float(self.counted.good[row, column]), float(self.counted.total[row, column])
        began = _time_of(self.keys[row].series.first_minute, self.now)
        return WindowBurn(window, good, total, _known(self.measured.burns[row, column]), is_partial=began > self.now - window)


class BudgetReadings:
    """Looks at budgets. Ten thousand of them in twelve windows take well under a second."""

    def __init__(self, series: SliStore, budgets: BudgetStore) -> None:
        self._series = series
        self._budgets = budgets

    async def read(self, slos: Sequence[Slo], now: datetime, more: Sequence[timedelta] = ()) -> BudgetTable:
        """Returns the budgets of these SLOs, in their order, in every window of the burn table and `more`."""
        windows = tuple(dict.fromkeys((*WINDOWS, *more)))
        keys, found, exclusions = await self._count(slos, now, windows)
        measured = measure(found)
        return BudgetTable(
            now,
            keys,
            windows,
            found,
            measured,
            _own_seconds(keys, exclusions, now),
            verdicts(measured.burns, found.total),
            _known_shares(keys, windows, found, now),
            exclusions,
            await self._budgets.owners(),
        )

    async def remaining(self, slos: Sequence[Slo], now: datetime) -> tuple[Sequence[BudgetKey], Floats]:
        """Returns what remains of the budgets of these SLOs, in their order: by one window of each, at a fraction of what `read` costs."""
        keys, found, _ = await self._count(slos, now, ())
        return keys, measure(found).remaining

    async def _count(
        self, slos: Sequence[Slo], now: datetime, windows: Sequence[timedelta]
    ) -> tuple[Sequence[BudgetKey], Counted, Mapping[str, Sequence[Exclusion]]]:
        keys = await self._keys(slos, now)
        good, total = await self._counts(keys, windows, now)
        since = min((key.span.starts_at for key in keys), default=now)
        until = max((key.span.ends_at for key in keys), default=now)
        looked_at = Span(min(since, now - max(windows, default=timedelta(0))), max(until, now))
        exclusions = await self._budgets.exclusions(looked_at, sorted({each.component for each in slos}))
        await self._leave_out(_excluded(keys, windows, exclusions, now), good, total)
        period, counted = _seconds(keys, exclusions, now)
        adjusted = _adjusted(keys, await self._budgets.adjusted(now), (total[:, -1], period, counted), now)
        return keys, Counted(np.array([key.target for key in keys]), good, total, period, counted, adjusted), exclusions

    async def sums(self, asked: Sequence[tuple[Series, Span]]) -> tuple[Floats, Floats]:
        """Returns good and total of each series within each span."""
        series = np.repeat(np.array([each.id for each, _ in asked], dtype=np.int64), 2)
        edges = np.array([edge for _, span in asked for edge in (edge_of(span.starts_at), edge_of(span.ends_at))], dtype=np.int64)
        good, total = await self._series.sums(series, edges)
        return good[1::2] - good[::2], total[1::2] - total[::2]

    async def before(self, series: Series, minutes: Ints) -> tuple[Floats, Floats]:
        """Returns all that a series counted before each of these minutes."""
        return await self._series.sums(np.full(len(minutes), series.id, dtype=np.int64), minutes)

    async def _keys(self, slos: Sequence[Slo], now: datetime) -> list[BudgetKey]:
        series = await self._series.series(None if len(slos) > 1000 else [each.name for each in slos])
        spans = {window: window_at(window, now) for window in {slo.window for slo in slos}}
        keys = []
        for slo in slos:
            events = series.get((slo.name, EVENTS), _ABSENT)
            for place, objective in enumerate(slo.objectives):
                slicing = slicing_of(slo, objective)
                counted = series.get((slo.name, slicing.key), _ABSENT) if slicing else events
                keys.append(BudgetKey(slo, place, Series(counted.id, events.first_minute, None), events.newest_minute, spans[slo.window]))
        return keys

    async def _counts(self, keys: Sequence[BudgetKey], windows: Sequence[timedelta], now: datetime) -> tuple[Floats, Floats]:
        """Returns good and total, a row for each budget, a column for each window and a last one for the budget's own."""
        end = present_edge(now)
        own = np.array([begin_edge(key) for key in keys], dtype=np.int64)
        fixed = [present_edge(now - window) for window in windows]
        # Where all have the window of one column, as the month often is, it is not looked up twice.
        same = next((column for column, edge in enumerate(fixed) if len(own) and (own == edge).all()), None)
        edges = np.tile(np.array([*fixed, end], dtype=np.int64), (len(keys), 1))
        if same is None:
            edges = np.column_stack([edges, own])
        ids = np.repeat(np.array([key.series.id for key in keys], dtype=np.int64), edges.shape[1])
        found = [each.reshape(edges.shape) for each in await self._series.sums(ids, edges.ravel())]
        columns = [*range(len(windows)), len(windows) + 1 if same is None else same]
        good, total = (each[:, [len(windows)]] - each[:, columns] for each in found)
        return good, total

    async def _leave_out(self, excluded: Sequence[tuple[int, int, Series, Span]], good: Floats, total: Floats) -> None:
        if not excluded:
            return
        out_good, out_total = await self.sums([(series, span) for _, _, series, span in excluded])
        rows, columns = [row for row, *_ in excluded], [column for _, column, *_ in excluded]
        np.subtract.at(good, (rows, columns), out_good)
        np.subtract.at(total, (rows, columns), out_total)


def minutes_of(exclusions: Sequence[Exclusion]) -> list[Span]:
    """Returns the times whose events are left out: by whole minutes, as events are counted, the one in which work begins with it."""
    return united([Span(_begin_of(minute_of(each.span.starts_at)), each.span.ends_at) for each in exclusions])


def edge_of(when: datetime) -> int:
    """Returns the minute before which all counts that came before `when`, which mostly is the begin of a minute."""
    return -int(-when.timestamp() // 60)


def present_edge(when: datetime) -> int:
    """Returns the minute before which all counts that came up to `when`: the minute under way, as far as it got, with it."""
    return minute_of(when) + 1


def begin_edge(key: BudgetKey) -> int:
    """Returns the first minute that counts in a budget's window: a rolling one begins in the minute that the present is in."""
    begin = key.span.starts_at
    return present_edge(begin) if isinstance(key.slo.window, RollingWindow) else edge_of(begin)


def _excluded(
    keys: Sequence[BudgetKey], windows: Sequence[timedelta], exclusions: Mapping[str, Sequence[Exclusion]], now: datetime
) -> list[tuple[int, int, Series, Span]]:
    """Returns row, column, series and span of everything that is to be left out up to now."""
    if not exclusions:
        return []
    found = []
    for row, key in enumerate(keys):
        spans = minutes_of(exclusions.get(key.slo.component, ()))
        # Cut where the counts are, so that the minute under way is left out as far as it was counted.
        ends = _begin_of(present_edge(now))
        begins = [present_edge(now - window) for window in windows] + [begin_edge(key)]
        looked_at = [Span(_begin_of(begin), ends) for begin in begins]
        for column, span in enumerate(looked_at):
            found += [(row, column, key.series, cut) for each in spans if (cut := each.cut(span))]
    return found


def _known_shares(keys: Sequence[BudgetKey], windows: Sequence[timedelta], counted: Counted, now: datetime) -> Floats:
    began = np.array([_time_of(key.series.first_minute, now).timestamp() for key in keys])
    lengths = np.array([window.total_seconds() for window in windows])
    shares = np.clip((now.timestamp() - began)[:, None] / lengths[None, :], 0.0, 1.0) if len(keys) else np.zeros((0, len(lengths)))
    own = np.clip(counted.counted_seconds / np.maximum(counted.period_seconds, 1.0), 0.0, 1.0)
    return np.column_stack([shares, own])


def _own_seconds(keys: Sequence[BudgetKey], exclusions: Mapping[str, Sequence[Exclusion]], now: datetime) -> Floats:
    """Returns the time left out of each budget's own window so far."""
    found = np.zeros(len(keys))
    for row, key in enumerate(keys) if exclusions else ():
        so_far = Span(key.span.starts_at, min(now, key.span.ends_at))
        spans = united([each.span for each in exclusions.get(key.slo.component, ())])
        found[row] = sum(cut.length.total_seconds() for each in spans if (cut := each.cut(so_far)))
    return found


def _seconds(keys: Sequence[BudgetKey], exclusions: Mapping[str, Sequence[Exclusion]], now: datetime) -> tuple[Floats, Floats]:
    """Returns the length of each budget's window, planned work of all of it left out, and how much of that is counted so far."""
    period = np.array([key.span.length.total_seconds() for key in keys])
    begins = [max(key.span.starts_at, _time_of(key.series.first_minute, now)) for key in keys]
    counted = np.array([max((min(now, key.span.ends_at) - begin).total_seconds(), 0.0) for key, begin in zip(keys, begins, strict=True)])
    if exclusions:
        for row, key in enumerate(keys):
            spans = united([each.span for each in exclusions.get(key.slo.component, ())])
            period[row] -= sum(cut.length.total_seconds() for each in spans if (cut := each.cut(key.span)))
            known = Span(begins[row], now)
            counted[row] -= sum(cut.length.total_seconds() for each in spans if (cut := each.cut(known)))
    return np.maximum(period, 1.0), np.maximum(counted, 0.0)


def _begin_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def _time_of(minute: int | None, otherwise: datetime) -> datetime:
    return otherwise if minute is None else datetime.fromtimestamp(minute * 60, UTC)


def _adjusted(
    keys: Sequence[BudgetKey],
    adjustments: Mapping[tuple[str, int], Sequence[BudgetAdjustment]],
    known: tuple[Floats, Floats, Floats],
    now: datetime,
) -> Floats:
    found = np.zeros(len(keys))
    if not adjustments:
        return found
    total, period, counted = known
    for row, key in enumerate(keys):
        ours = adjustments.get((key.slo.name, key.objective), ())
        if ours:
            expected = total[row] * period[row] / counted[row] if counted[row] > 0 else 0.0
            found[row] = total_share(ours, key.target, timedelta(seconds=float(period[row])), float(expected), now)
    return found


def _known(burn: float) -> float | None:
    return None if np.isnan(burn) else float(burn)
