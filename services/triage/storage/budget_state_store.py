"""Where each budget stood when it was last told, in PostgreSQL: what is new is told with its event, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.triage.domain.budget_events import BudgetEvent, BudgetStepChanged, ErrorBudgetChanged
from services.triage.domain.budget_policy import BudgetEffect
from services.triage.domain.budget_report import BudgetReport
from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.burn_alert import DEFAULT_RULES, BurnAction, BurnVerdict
from services.triage.storage.budget_tables import budget_state
from services.triage.storage.slo_tables import slo
from shared.events.outbox import Outbox
from shared.storage.database import Database

_HOUR = timedelta(hours=1)
_FINEST = 0.01  # a change of the rest smaller than this share of the budget is not told by itself


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of a budget."""

    version: int
    step: str
    effect: int
    remaining: float
    alerts: tuple[int, ...]


class BudgetStateStore:
    """The last state told of each budget."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def all(self) -> dict[tuple[str, int], Told]:
        async with self._database.transaction() as connection:
            return {(row.slo, row.objective): _told(row) for row in await connection.execute(select(budget_state))}

    async def frozen_components(self) -> set[str]:
        """Returns the components of which some budget was last told to be frozen."""
        frozen = budget_state.c.told["effect"].as_integer() == BudgetEffect.FREEZE.value
        statement = select(slo.c.component).join(budget_state, budget_state.c.slo == slo.c.name).where(frozen)
        async with self._database.transaction() as connection:
            return {row.component for row in await connection.execute(statement)}

    async def tell(self, reports: Sequence[BudgetReport], now: datetime) -> int:
        """Tells of budgets that stand otherwise than was last told, with their events, and returns how many did.

        Of two replicas that find the same at once, one tells.
        """
        if not reports:
            return 0
        keys = sorted({(each.slo.name, each.objective) for each in reports})
        async with self._database.transaction() as connection:
            this = tuple_(budget_state.c.slo, budget_state.c.objective).in_(keys)
            held = {
                (row.slo, row.objective): _told(row)
                for row in await connection.execute(
                    select(budget_state).where(this).order_by(budget_state.c.slo, budget_state.c.objective).with_for_update()
                )
            }
            changed = [each for each in reports if is_news(each, held.get((each.slo.name, each.objective)))]
            events: list[BudgetEvent] = []
            for report in changed:
                before = held.get((report.slo.name, report.objective))
                version = before.version + 1 if before else 1
                events.append(ErrorBudgetChanged(report, version))
                if (before.step if before else "") != report.standing.step:
                    events.append(BudgetStepChanged(report, before.step if before else "", version))
            if changed:
                statement = insert(budget_state)
                upsert = statement.on_conflict_do_update(
                    index_elements=["slo", "objective"],
                    set_={
                        "version": budget_state.c.version + 1,
                        "step": statement.excluded.step,
                        "told": statement.excluded.told,
                        "since": statement.excluded.since,
                    },
                )
                await connection.execute(upsert, [_row(each, now) for each in changed])
                await self._outbox.record(connection, events)
        return len(changed)


def is_news(report: BudgetReport, told: Told | None) -> bool:
    """Says whether a budget stands otherwise than was told; one never told of is news once something failed or a step holds."""
    if told is None:
        return bool(report.standing.step) or report.remaining < 1 - _FINEST or any(verdict != 1 for _, verdict in report.alerts)
    return (
        told.step != report.standing.step
        or told.effect != report.standing.effect
        or told.alerts != tuple(int(verdict) for _, verdict in report.alerts)
        or abs(told.remaining - report.remaining) >= _FINEST
    )


def _row(report: BudgetReport, now: datetime) -> dict[str, Any]:
    told = {
        "effect": report.standing.effect.value,
        "remaining": report.remaining,
        "burn": next((each.burn for each in report.burns if each.window == _HOUR and not each.is_too_few), None),
        "too_few": report.is_too_few,
        "alerts": [int(verdict) for _, verdict in report.alerts],
    }
    return {
        "slo": report.slo.name,
        "objective": report.objective,
        "version": 1,
        "step": report.standing.step,
        "told": told,
        "since": now,
    }


def snapshot_of(slo: str, objective: int, told: Mapping[str, Any]) -> BudgetSnapshot:
    """Returns what was told of a budget as assessments look at it."""
    verdicts = zip(DEFAULT_RULES, told["alerts"], strict=True)
    pages = any(rule.action is BurnAction.PAGE and verdict == BurnVerdict.BURNING for rule, verdict in verdicts)
    remaining = None if told.get("too_few") else told["remaining"]  # absent in what was told before
    return BudgetSnapshot(slo, objective, told["burn"], remaining, pages, BudgetEffect(told["effect"]))


def _told(row: Any) -> Told:
    return Told(row.version, row.step, row.told["effect"], row.told["remaining"], tuple(row.told["alerts"]))
