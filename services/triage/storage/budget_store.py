"""Adjustments of budgets, and what planned work leaves out of them, in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.triage.domain.budget_adjustment import AdjustmentUnit, BudgetAdjustment
from services.triage.domain.budget_report import Exclusion
from services.triage.domain.budget_window import Span
from services.triage.domain.component_selection import LABEL, Comparison, ComponentSelection, LabelMatcher
from services.triage.domain.planned_work import PlannedWork, excluded_spans
from services.triage.storage.budget_tables import budget_adjustment, budget_exclusion, excluding_window
from services.triage.storage.tables import component
from shared.paging import Page, PageQuery
from shared.storage.database import Database


class BudgetStore:
    """What alters budgets beside the events counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def adjust(self, made: BudgetAdjustment) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(insert(budget_adjustment).values(_adjustment_row(made)))

    async def adjustments(self, slo: str, query: PageQuery) -> Page[BudgetAdjustment]:
        """Returns a page of adjustments, newest first, of one SLO or of all."""
        statement = select(budget_adjustment).order_by(budget_adjustment.c.id.desc()).limit(query.limit)
        if slo:
            statement = statement.where(budget_adjustment.c.slo == slo)
        if query.cursor:
            statement = statement.where(budget_adjustment.c.id < UUID(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([_adjustment(row) for row in rows], [(str(row.id),) for row in rows])

    async def adjusted(self, now: datetime) -> Mapping[tuple[str, int], list[BudgetAdjustment]]:
        """Returns the adjustments in force, by SLO and objective."""
        columns = budget_adjustment.c
        statement = select(budget_adjustment).where(columns.valid_until > now, columns.valid_from <= now)
        found: dict[tuple[str, int], list[BudgetAdjustment]] = {}
        async with self._database.transaction() as connection:
            for row in await connection.execute(statement):
                found.setdefault((row.slo, row.objective), []).append(_adjustment(row))
        return found

    async def exclude(self, work: PlannedWork) -> bool:
        """Keeps what planned work leaves out of budgets at this version; returns False for one not newer than the one held.

        What was left out until this version was made stays so.
        """
        async with self._database.transaction() as connection:
            statement = upsert(excluding_window).values(name=work.name, version=work.version)
            newer = statement.on_conflict_do_update(
                index_elements=["name"], set_={"version": work.version}, where=excluding_window.c.version < work.version
            )
            if (await connection.execute(newer.returning(excluding_window.c.name))).first() is None:
                return False
            ours = budget_exclusion.c.maintenance_window == work.name
            await connection.execute(delete(budget_exclusion).where(ours, budget_exclusion.c.starts_at >= work.made_at))
            under_way = update(budget_exclusion).where(ours, budget_exclusion.c.ends_at > work.made_at)
            await connection.execute(under_way.values(ends_at=work.made_at))
            rows = _exclusion_rows(work)
            if rows:
                await connection.execute(insert(budget_exclusion), rows)
        return True

    async def exclusions(self, span: Span, components: Sequence[str]) -> Mapping[str, list[Exclusion]]:
        """Returns what is left out within a time, past and planned, of each of these components of which something is."""
        columns = budget_exclusion.c
        statement = select(budget_exclusion).where(
            columns.ends_at > span.starts_at, columns.starts_at < span.ends_at, columns.component.in_([*components, ""])
        )
        found: dict[str, list[Exclusion]] = {}
        chosen: dict[str, Sequence[str]] = {}
        async with self._database.transaction() as connection:
            for row in await connection.execute(statement.order_by(columns.starts_at)):
                exclusion = Exclusion(row.maintenance_window, Span(row.starts_at, row.ends_at), row.reason, row.approver)
                for component_name in [row.component] if row.component else _covered(row, components, chosen):
                    found.setdefault(component_name, []).append(exclusion)
        return found

    async def owners(self) -> Mapping[str, str]:
        """Returns the team of each component that has one."""
        statement = select(component.c.name, component.c.owner_team).where(component.c.owner_team != "")
        async with self._database.transaction() as connection:
            return {row.name: row.owner_team for row in await connection.execute(statement)}


def _adjustment(row: Any) -> BudgetAdjustment:
    values = {column.name: getattr(row, column.name) for column in budget_adjustment.columns}
    return BudgetAdjustment(**(values | {"unit": AdjustmentUnit(row.unit)}))


def _adjustment_row(made: BudgetAdjustment) -> dict[str, Any]:
    return {column.name: getattr(made, column.name) for column in budget_adjustment.columns}


def _covered(row: Any, components: Sequence[str], chosen: dict[str, Sequence[str]]) -> Sequence[str]:
    """Returns those of the components that a row's selection covers; each selection is looked at once."""
    key = json.dumps(row.chosen_by)
    if key not in chosen:
        selection = ComponentSelection(tuple(LabelMatcher(LABEL, Comparison(sign), value) for sign, value in row.chosen_by))
        chosen[key] = [each for each in components if selection.covers(each)]
    return chosen[key]


def _exclusion_rows(work: PlannedWork) -> list[dict[str, Any]]:
    if not work.selection.matchers:
        return []
    named = work.selection.named
    return [
        {
            "maintenance_window": work.name,
            "component": named,
            "starts_at": span.starts_at,
            "ends_at": span.ends_at,
            "reason": work.reason,
            "approver": work.approver,
            "chosen_by": None if named else [[each.comparison.value, each.value] for each in work.selection.matchers],
        }
        for span in excluded_spans(work)
    ]
