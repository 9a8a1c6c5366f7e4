"""SLOs: what is promised of a component, over which window, and what its indicator counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum


class BudgetingMethod(IntEnum):
    """What the error budget is counted in (OpenSLO v1, `budgetingMethod`)."""

    OCCURRENCES = 1  # good events of all events
    TIMESLICES = 2  # slices of time that reached their own target, of all slices
    RATIO_TIMESLICES = 3  # the mean of the slices' own ratios


class CalendarUnit(IntEnum):
    """What a calendar window is made of; it begins at midnight of its time zone."""

    DAY = 1
    WEEK = 2
    MONTH = 3
    QUARTER = 4
    YEAR = 5
    MINUTE = 6  # begins at the start's own second, not at midnight
    HOUR = 7  # the same


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """The time up to now of this length."""

    length: timedelta


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """Windows of `count` units, one after the other from `starts_at` on; that is local time in `time_zone` (IANA)."""

    unit: CalendarUnit
    count: int
    starts_at: datetime  # without offset
    time_zone: str


Window = RollingWindow | CalendarWindow


@dataclass(frozen=True, slots=True)
class Objective:
    """A target of good in all, above 0 and below 1, with an error budget of its own."""

    target: float
    display_name: str = ""
    slice_length: timedelta | None = None  # of the time slices; None for OCCURRENCES
    slice_target: float | None = None  # share of good in a slice from which the slice counts as good; None but for TIMESLICES


@dataclass(frozen=True, slots=True)
class MetricSource:
    """Where numbers come from: the kind of a data source, its name if it is a document of its own, and what to ask it, by key."""

    type: str  # such as `Prometheus`, as written
    data_source: str  # name of a DataSource; empty when given in place
    connection: Mapping[str, str]  # connection details given in place
    spec: Mapping[str, str]  # such as `query`


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is counted: `good` or `bad` of `total`. All None where nothing is asked and samples come by RecordSli."""

    good: MetricSource | None = None
    bad: MetricSource | None = None
    total: MetricSource | None = None
    is_counter: bool = True  # totals that only rise, rather than counts since the last sample


@dataclass(frozen=True, slots=True)
class Slo:
    """What is promised of a component."""

    name: str  # slos/{id}
    component: str  # components/{id}; need not be in the catalogue yet
    method: BudgetingMethod
    window: Window
    objectives: tuple[Objective, ...]  # at least one; the budget of each stands by its position
    indicator: Indicator
    display_name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class StoredSlo:
    """An SLO at one version."""

    slo: Slo
    revision: int  # 1 for the first, one more for each change
    author: str
    create_time: datetime
    update_time: datetime
