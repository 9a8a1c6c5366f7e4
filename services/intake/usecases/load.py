"""Load: what waits, what was shed, and whether a storm is under way, of this replica."""

from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from services.intake.domain.storm import Storm, StormRule
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.storms import Storms

_MOST_SOURCES = 20


@dataclass(frozen=True, slots=True)
class SourceLoad:
    """Reports of one source that wait, and that were refused since this replica started."""

    source: str
    waiting: int
    shed: int


@dataclass(frozen=True, slots=True)
class StormState:
    """The storm under way, the rule, and this replica's counts."""

    storm: Storm | None
    rule: StormRule
    recent_count: int
    waiting_count: int
    waiting_limit: int
    sources: tuple[SourceLoad, ...]


class Load:
    """Tells of this replica's load, when asked and as metrics."""

    def __init__(self, reports: ReportAlerts, storms: Storms, meter: Meter) -> None:
        self._commits = reports.commits
        self._storms = storms
        meter.create_observable_gauge("ballast_intake_reports_waiting", [self._waiting], "{report}", "Reports that wait for storage.")
        meter.create_observable_counter("ballast_intake_reports_shed", [self._shed], "{report}", "Reports refused because too many wait.")

    async def state(self) -> StormState:
        waiting = self._commits.waiting_of()
        loads = [SourceLoad(each, waiting.get(each, 0), self._commits.shed.get(each, 0)) for each in {*waiting, *self._commits.shed}]
        loads.sort(key=lambda each: (-each.waiting, -each.shed, each.source))
        return StormState(
            await self._storms.under_way(),
            self._storms.rule,
            self._storms.recent_count,
            self._commits.waiting,
            self._commits.most_waiting,
            tuple(loads[:_MOST_SOURCES]),
        )

    def _waiting(self, _: CallbackOptions) -> Sequence[Observation]:
        return [Observation(self._commits.waiting)]

    def _shed(self, _: CallbackOptions) -> Sequence[Observation]:
        return [Observation(sum(self._commits.shed.values()))]
